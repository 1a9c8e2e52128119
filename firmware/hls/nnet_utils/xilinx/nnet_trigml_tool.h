// What nnet_trigml.h needs to know about the tool: here Vitis HLS and Vivado HLS.
#ifndef NNET_TRIGML_TOOL_H_
#define NNET_TRIGML_TOOL_H_

#include "ap_fixed.h"
#include "hls_stream.h"

#define TRIGML_UNROLL _Pragma("HLS UNROLL")

namespace trigml {

template <int W> using integer = ap_int<W>;

template <class T> using channel = hls::stream<T>;

// The word of a fixed-point number: all its bits, as an integer.
template <int W, int I, ap_q_mode Q, ap_o_mode O, int N> ap_int<W> word_of(const ap_fixed<W, I, Q, O, N> &x) {
    return ap_int<W>(x.range(W - 1, 0));
}

template <int W, int I, ap_q_mode Q, ap_o_mode O, int N> ap_uint<W> word_of(const ap_ufixed<W, I, Q, O, N> &x) {
    return ap_uint<W>(x.range(W - 1, 0));
}

// The fixed-point number with FRACTION fractional bits that has these bits.
template <int FRACTION, int W> ap_fixed<W, W - FRACTION> fixed_of(const ap_int<W> &word) {
    ap_fixed<W, W - FRACTION> x;
    x.range(W - 1, 0) = word;
    return x;
}

} // namespace trigml

#endif
