// What nnet_trigml.h needs to know about the tool: here Intel's HLS compiler (Quartus).
#ifndef NNET_TRIGML_TOOL_H_
#define NNET_TRIGML_TOOL_H_

#ifndef __INTELFPGA_COMPILER__
#include "ac_fixed.h"
#include "ac_int.h"
#else
#include "HLS/ac_fixed.h"
#include "HLS/ac_int.h"
#endif

#define TRIGML_UNROLL _Pragma("unroll")

namespace trigml {

template <int W> using integer = ac_int<W, true>;

// `stream` comes from defines.h: of ihc in synthesis, of nnet in emulation.
template <class T> using channel = stream<T>;

// The word of a fixed-point number: all its bits, as an integer.
template <int W, int I, bool S, ac_q_mode Q, ac_o_mode O> ac_int<W, S> word_of(const ac_fixed<W, I, S, Q, O> &x) {
    return x.template slc<W>(0);
}

// The fixed-point number with FRACTION fractional bits that has these bits.
template <int FRACTION, int W> ac_fixed<W, W - FRACTION, true> fixed_of(const ac_int<W, true> &word) {
    ac_fixed<W, W - FRACTION, true> x = 0;
    x.set_slc(0, word);
    return x;
}

} // namespace trigml

#endif
