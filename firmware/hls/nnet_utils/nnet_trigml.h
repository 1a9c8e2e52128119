// Layers of trigml's integer networks that hls4ml lacks, or does not compute to the bit.
//
// Each kernel below is one operation on whole tensors, in memory order (last axis fastest): run<CONFIG_T>(x, y), with
// weights behind, or run<CONFIG_T>(a, b, y). CONFIG_T (configN in parameters.h) has its sizes. The functions `layer`
// and `merge` at the end call the kernel of a configuration, on arrays or on streams of packets.
//
// A result type without rounding and saturation is wide enough for every result, and sums wrap on the way as two's
// complement does: the order of additions does not matter.
#ifndef NNET_TRIGML_H_
#define NNET_TRIGML_H_

#include "nnet_trigml_tool.h"

namespace trigml {

// --- element by element ------------------------------------------------------------------------------------------

// y = x, brought into the type of y. Reshaping is this, too: the order in memory stays.
struct Assign {
    template <class CONFIG_T, class data_T, class res_T> static void run(const data_T x[], res_T y[]) {
        TRIGML_UNROLL
        for (int i = 0; i < CONFIG_T::n_in; i++)
            y[i] = x[i];
    }
};

// y = x where x >= 0, else x * 2**-shift; y has `shift` fractional bits more than x.
struct LeakyRelu {
    template <class CONFIG_T, class data_T, class res_T> static void run(const data_T x[], res_T y[]) {
        TRIGML_UNROLL
        for (int i = 0; i < CONFIG_T::n_in; i++) {
            typename CONFIG_T::word_t word = word_of(x[i]);
            if (word >= 0)
                word = word << CONFIG_T::shift;
            y[i] = fixed_of<CONFIG_T::fraction>(word);
        }
    }
};

// y = min(max(x, limits[0]), limits[1])
struct Clip {
    template <class CONFIG_T, class data_T, class res_T, class limit_T>
    static void run(const data_T x[], res_T y[], const limit_T limits[2]) {
        TRIGML_UNROLL
        for (int i = 0; i < CONFIG_T::n_in; i++) {
            if (x[i] < limits[0])
                y[i] = limits[0];
            else if (x[i] > limits[1])
                y[i] = limits[1];
            else
                y[i] = x[i];
        }
    }
};

// y = table[word of x - low]
struct Table {
    template <class CONFIG_T, class data_T, class res_T, class table_T>
    static void run(const data_T x[], res_T y[], const table_T table[]) {
        TRIGML_UNROLL
        for (int i = 0; i < CONFIG_T::n_in; i++) {
            typename CONFIG_T::word_t place = word_of(x[i]);
            place -= CONFIG_T::low;
            y[i] = table[place.to_int()];
        }
    }
};

// y = bias + x * weight, one of each per channel
struct Scale {
    template <class CONFIG_T, class data_T, class res_T, class weight_T, class bias_T>
    static void run(const data_T x[], res_T y[], const weight_T weight[], const bias_T bias[]) {
        TRIGML_UNROLL
        for (int i = 0; i < CONFIG_T::n_in; i++) {
            const int channel = i % CONFIG_T::n_chan;
            res_T sum = bias[channel];
            sum += x[i] * weight[channel];
            y[i] = sum;
        }
    }
};

// --- moving words ------------------------------------------------------------------------------------------------

// y = 0, but the words of x at the places begin_from + i0 * from0 + i1 * from1 + ... stand at the places
// begin_to + i0 * to0 + i1 * to1 + ...: other orders of the axes, zeros around an image, a block of it.
struct Place {
    template <class CONFIG_T, class data_T, class res_T> static void run(const data_T x[], res_T y[]) {
        TRIGML_UNROLL
        for (int i = 0; i < CONFIG_T::n_out; i++)
            y[i] = 0;
        TRIGML_UNROLL
        for (int a = 0; a < CONFIG_T::size0; a++) {
            TRIGML_UNROLL
            for (int b = 0; b < CONFIG_T::size1; b++) {
                TRIGML_UNROLL
                for (int c = 0; c < CONFIG_T::size2; c++) {
                    TRIGML_UNROLL
                    for (int d = 0; d < CONFIG_T::size3; d++) {
                        const int from = CONFIG_T::begin_from + a * CONFIG_T::from0 + b * CONFIG_T::from1 +
                                         c * CONFIG_T::from2 + d * CONFIG_T::from3;
                        const int to = CONFIG_T::begin_to + a * CONFIG_T::to0 + b * CONFIG_T::to1 +
                                       c * CONFIG_T::to2 + d * CONFIG_T::to3;
                        y[to] = x[from];
                    }
                }
            }
        }
    }
};

// Blocks of a and b in turn: the axes before the one along which they are joined are `n_outer` together.
struct Concatenate {
    template <class CONFIG_T, class a_T, class b_T, class res_T>
    static void run(const a_T a[], const b_T b[], res_T y[]) {
        TRIGML_UNROLL
        for (int outer = 0; outer < CONFIG_T::n_outer; outer++) {
            const int start = outer * (CONFIG_T::block_a + CONFIG_T::block_b);
            TRIGML_UNROLL
            for (int i = 0; i < CONFIG_T::block_a; i++)
                y[start + i] = a[outer * CONFIG_T::block_a + i];
            TRIGML_UNROLL
            for (int i = 0; i < CONFIG_T::block_b; i++)
                y[start + CONFIG_T::block_a + i] = b[outer * CONFIG_T::block_b + i];
        }
    }
};

// --- two tensors -------------------------------------------------------------------------------------------------

struct Plus {
    template <class a_T, class b_T, class res_T> static void run(const a_T &a, const b_T &b, res_T &y) {
        y = a; // aligned to the fraction of y
        y += b;
    }
};

struct Minus {
    template <class a_T, class b_T, class res_T> static void run(const a_T &a, const b_T &b, res_T &y) { y = a - b; }
};

struct Times {
    template <class a_T, class b_T, class res_T> static void run(const a_T &a, const b_T &b, res_T &y) { y = a * b; }
};

// y = a OP b element by element; an axis of length 1 is repeated (its step, a0 ... a3 or b0 ... b3, is 0).
template <class OP> struct Combine {
    template <class CONFIG_T, class a_T, class b_T, class res_T>
    static void run(const a_T a[], const b_T b[], res_T y[]) {
        TRIGML_UNROLL
        for (int i = 0; i < CONFIG_T::size0; i++) {
            TRIGML_UNROLL
            for (int j = 0; j < CONFIG_T::size1; j++) {
                TRIGML_UNROLL
                for (int k = 0; k < CONFIG_T::size2; k++) {
                    TRIGML_UNROLL
                    for (int l = 0; l < CONFIG_T::size3; l++) {
                        const int to = ((i * CONFIG_T::size1 + j) * CONFIG_T::size2 + k) * CONFIG_T::size3 + l;
                        OP::run(a[i * CONFIG_T::a0 + j * CONFIG_T::a1 + k * CONFIG_T::a2 + l * CONFIG_T::a3],
                                b[i * CONFIG_T::b0 + j * CONFIG_T::b1 + k * CONFIG_T::b2 + l * CONFIG_T::b3],
                                y[to]);
                    }
                }
            }
        }
    }
};

// --- over axes ---------------------------------------------------------------------------------------------------

// Sum over axes: the step of such an axis in y (to0 ... to3) is 0.
struct Sum {
    template <class CONFIG_T, class data_T, class res_T> static void run(const data_T x[], res_T y[]) {
        TRIGML_UNROLL
        for (int i = 0; i < CONFIG_T::n_out; i++)
            y[i] = 0;
        TRIGML_UNROLL
        for (int a = 0; a < CONFIG_T::size0; a++) {
            TRIGML_UNROLL
            for (int b = 0; b < CONFIG_T::size1; b++) {
                TRIGML_UNROLL
                for (int c = 0; c < CONFIG_T::size2; c++) {
                    TRIGML_UNROLL
                    for (int d = 0; d < CONFIG_T::size3; d++) {
                        const int from =
                            ((a * CONFIG_T::size1 + b) * CONFIG_T::size2 + c) * CONFIG_T::size3 + d;
                        y[a * CONFIG_T::to0 + b * CONFIG_T::to1 + c * CONFIG_T::to2 + d * CONFIG_T::to3] += x[from];
                    }
                }
            }
        }
    }
};

// Largest word over axes; steps as in Sum. What is not yet the largest may be below the range of y.
struct Maximum {
    template <class CONFIG_T, class data_T, class res_T> static void run(const data_T x[], res_T y[]) {
        data_T largest[CONFIG_T::n_out];
        bool seen[CONFIG_T::n_out];
        TRIGML_UNROLL
        for (int i = 0; i < CONFIG_T::n_out; i++)
            seen[i] = false;
        TRIGML_UNROLL
        for (int a = 0; a < CONFIG_T::size0; a++) {
            TRIGML_UNROLL
            for (int b = 0; b < CONFIG_T::size1; b++) {
                TRIGML_UNROLL
                for (int c = 0; c < CONFIG_T::size2; c++) {
                    TRIGML_UNROLL
                    for (int d = 0; d < CONFIG_T::size3; d++) {
                        const int from =
                            ((a * CONFIG_T::size1 + b) * CONFIG_T::size2 + c) * CONFIG_T::size3 + d;
                        const int to =
                            a * CONFIG_T::to0 + b * CONFIG_T::to1 + c * CONFIG_T::to2 + d * CONFIG_T::to3;
                        if (!seen[to] || x[from] > largest[to])
                            largest[to] = x[from];
                        seen[to] = true;
                    }
                }
            }
        }
        TRIGML_UNROLL
        for (int i = 0; i < CONFIG_T::n_out; i++)
            y[i] = largest[i];
    }
};

// Index of the largest of `n_last` words, the first one of equal words.
struct ArgMax {
    template <class CONFIG_T, class data_T, class res_T> static void run(const data_T x[], res_T y[]) {
        TRIGML_UNROLL
        for (int i = 0; i < CONFIG_T::n_out; i++) {
            data_T largest = x[i * CONFIG_T::n_last];
            int place = 0;
            TRIGML_UNROLL
            for (int j = 1; j < CONFIG_T::n_last; j++) {
                if (x[i * CONFIG_T::n_last + j] > largest) {
                    largest = x[i * CONFIG_T::n_last + j];
                    place = j;
                }
            }
            y[i] = place;
        }
    }
};

// --- windows -----------------------------------------------------------------------------------------------------

// Where the tap (row, column) of the window at (i, j) lies in an image of n_chan channels; negative: in the padding.
template <class CONFIG_T> int cell(int i, int j, int row, int column) {
    const int y = i * CONFIG_T::stride_height + row * CONFIG_T::dilation_height - CONFIG_T::pad_top;
    const int x = j * CONFIG_T::stride_width + column * CONFIG_T::dilation_width - CONFIG_T::pad_left;
    const bool inside = y >= 0 && y < CONFIG_T::in_height && x >= 0 && x < CONFIG_T::in_width;
    return inside ? (y * CONFIG_T::in_width + x) * CONFIG_T::n_chan : -1;
}

// A window per channel; weight is (filt_height, filt_width, n_chan, multiplier).
struct DepthwiseConvolution {
    template <class CONFIG_T, class data_T, class res_T, class weight_T, class bias_T>
    static void run(const data_T x[], res_T y[], const weight_T weight[], const bias_T bias[]) {
        const int n_filt = CONFIG_T::n_chan * CONFIG_T::multiplier;
        TRIGML_UNROLL
        for (int i = 0; i < CONFIG_T::out_height; i++) {
            TRIGML_UNROLL
            for (int j = 0; j < CONFIG_T::out_width; j++) {
                TRIGML_UNROLL
                for (int f = 0; f < n_filt; f++) {
                    res_T sum = bias[f];
                    TRIGML_UNROLL
                    for (int row = 0; row < CONFIG_T::filt_height; row++) {
                        TRIGML_UNROLL
                        for (int column = 0; column < CONFIG_T::filt_width; column++) {
                            const int from = cell<CONFIG_T>(i, j, row, column);
                            const int tap = (row * CONFIG_T::filt_width + column) * n_filt + f;
                            if (from >= 0)
                                sum += x[from + f / CONFIG_T::multiplier] * weight[tap];
                        }
                    }
                    y[(i * CONFIG_T::out_width + j) * n_filt + f] = sum;
                }
            }
        }
    }
};

// The largest word of each window; the padding does not take part.
struct MaxPool {
    template <class CONFIG_T, class data_T, class res_T> static void run(const data_T x[], res_T y[]) {
        TRIGML_UNROLL
        for (int i = 0; i < CONFIG_T::out_height; i++) {
            TRIGML_UNROLL
            for (int j = 0; j < CONFIG_T::out_width; j++) {
                TRIGML_UNROLL
                for (int c = 0; c < CONFIG_T::n_chan; c++) {
                    data_T largest = 0;
                    bool seen = false;
                    TRIGML_UNROLL
                    for (int row = 0; row < CONFIG_T::filt_height; row++) {
                        TRIGML_UNROLL
                        for (int column = 0; column < CONFIG_T::filt_width; column++) {
                            const int from = cell<CONFIG_T>(i, j, row, column);
                            if (from >= 0 && (!seen || x[from + c] > largest)) {
                                largest = x[from + c];
                                seen = true;
                            }
                        }
                    }
                    y[(i * CONFIG_T::out_width + j) * CONFIG_T::n_chan + c] = largest;
                }
            }
        }
    }
};

enum Rounding { TRN, TRN_ZERO, RND, RND_ZERO, RND_MIN_INF, RND_INF, RND_CONV };

// numerator / divisor (> 0), rounded to an integer.
template <class CONFIG_T> typename CONFIG_T::word_t quotient(typename CONFIG_T::word_t numerator, int divisor) {
    typedef typename CONFIG_T::word_t word_t;
    const word_t by = word_t(divisor) << CONFIG_T::shift_divisor;
    const word_t scaled = numerator << CONFIG_T::shift_sum;
    word_t floor = scaled / by;
    word_t rest = scaled - floor * by;
    const bool negative = scaled < 0;
    if (rest < 0) { // C++ divides towards zero
        floor -= 1;
        rest += by;
    }
    bool up = false;
    if (CONFIG_T::rounding == TRN_ZERO) {
        up = negative && rest != 0;
    } else if (CONFIG_T::rounding != TRN) {
        const bool tie_up = CONFIG_T::rounding == RND || (CONFIG_T::rounding == RND_INF && !negative) ||
                            (CONFIG_T::rounding == RND_ZERO && negative) ||
                            (CONFIG_T::rounding == RND_CONV && floor[0] == 1);
        const word_t twice = rest << 1;
        up = twice > by || (twice == by && tie_up);
    }
    if (up)
        floor += 1;
    return floor;
}

// The mean of each window's cells that are not padding: an exact quotient, rounded once, then the overflow of y.
struct AveragePool {
    template <class CONFIG_T, class data_T, class res_T> static void run(const data_T x[], res_T y[]) {
        TRIGML_UNROLL
        for (int i = 0; i < CONFIG_T::out_height; i++) {
            TRIGML_UNROLL
            for (int j = 0; j < CONFIG_T::out_width; j++) {
                TRIGML_UNROLL
                for (int c = 0; c < CONFIG_T::n_chan; c++) {
                    typename CONFIG_T::word_t sum = 0;
                    int count = 0;
                    TRIGML_UNROLL
                    for (int row = 0; row < CONFIG_T::filt_height; row++) {
                        TRIGML_UNROLL
                        for (int column = 0; column < CONFIG_T::filt_width; column++) {
                            const int from = cell<CONFIG_T>(i, j, row, column);
                            if (from >= 0) {
                                sum += word_of(x[from + c]);
                                count++;
                            }
                        }
                    }
                    y[(i * CONFIG_T::out_width + j) * CONFIG_T::n_chan + c] =
                        fixed_of<CONFIG_T::fraction>(quotient<CONFIG_T>(sum, count));
                }
            }
        }
    }
};

// --- arrays (io_parallel) ----------------------------------------------------------------------------------------

template <class data_T, class res_T, class CONFIG_T>
void layer(data_T x[CONFIG_T::n_in], res_T y[CONFIG_T::n_out]) {
    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
    CONFIG_T::kernel::template run<CONFIG_T>(x, y);
}

template <class data_T, class res_T, class CONFIG_T, class weight_T>
void layer(data_T x[CONFIG_T::n_in], res_T y[CONFIG_T::n_out], weight_T weight[]) {
    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
    CONFIG_T::kernel::template run<CONFIG_T>(x, y, weight);
}

template <class data_T, class res_T, class CONFIG_T, class weight_T, class bias_T>
void layer(data_T x[CONFIG_T::n_in], res_T y[CONFIG_T::n_out], weight_T weight[], bias_T bias[]) {
    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
    CONFIG_T::kernel::template run<CONFIG_T>(x, y, weight, bias);
}

template <class a_T, class b_T, class res_T, class CONFIG_T>
void merge(a_T a[CONFIG_T::n_in], b_T b[CONFIG_T::n_in2], res_T y[CONFIG_T::n_out]) {
    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
    CONFIG_T::kernel::template run<CONFIG_T>(a, b, y);
}

// --- streams of packets (io_stream) ------------------------------------------------------------------------------
//
// A packet holds the words of the last axis. `n_turns` times, n_in words are read, the kernel is run on them, and n_out
// words are written. Element by element that is one packet a turn; where a result needs distant words, it is the whole
// tensor in one turn, held in registers.

template <int COUNT, class packet_T> void receive(channel<packet_T> &source, typename packet_T::value_type words[]) {
    for (int i = 0; i < COUNT / (int)packet_T::size; i++) {
        #pragma HLS PIPELINE
        packet_T packet = source.read();
        TRIGML_UNROLL
        for (int j = 0; j < (int)packet_T::size; j++)
            words[i * (int)packet_T::size + j] = packet[j];
    }
}

template <int COUNT, class packet_T> void send(typename packet_T::value_type words[], channel<packet_T> &sink) {
    for (int i = 0; i < COUNT / (int)packet_T::size; i++) {
        #pragma HLS PIPELINE
        packet_T packet;
        TRIGML_UNROLL
        for (int j = 0; j < (int)packet_T::size; j++)
            packet[j] = words[i * (int)packet_T::size + j];
        sink.write(packet);
    }
}

template <class data_T, class res_T, class CONFIG_T> void layer(channel<data_T> &x, channel<res_T> &y) {
    for (int turn = 0; turn < CONFIG_T::n_turns; turn++) {
        typename data_T::value_type words[CONFIG_T::n_in];
        typename res_T::value_type results[CONFIG_T::n_out];
        #pragma HLS ARRAY_PARTITION variable=words complete
        #pragma HLS ARRAY_PARTITION variable=results complete
        receive<CONFIG_T::n_in>(x, words);
        layer<typename data_T::value_type, typename res_T::value_type, CONFIG_T>(words, results);
        send<CONFIG_T::n_out>(results, y);
    }
}

template <class data_T, class res_T, class CONFIG_T, class weight_T>
void layer(channel<data_T> &x, channel<res_T> &y, weight_T weight[]) {
    for (int turn = 0; turn < CONFIG_T::n_turns; turn++) {
        typename data_T::value_type words[CONFIG_T::n_in];
        typename res_T::value_type results[CONFIG_T::n_out];
        #pragma HLS ARRAY_PARTITION variable=words complete
        #pragma HLS ARRAY_PARTITION variable=results complete
        receive<CONFIG_T::n_in>(x, words);
        layer<typename data_T::value_type, typename res_T::value_type, CONFIG_T>(words, results, weight);
        send<CONFIG_T::n_out>(results, y);
    }
}

template <class data_T, class res_T, class CONFIG_T, class weight_T, class bias_T>
void layer(channel<data_T> &x, channel<res_T> &y, weight_T weight[], bias_T bias[]) {
    for (int turn = 0; turn < CONFIG_T::n_turns; turn++) {
        typename data_T::value_type words[CONFIG_T::n_in];
        typename res_T::value_type results[CONFIG_T::n_out];
        #pragma HLS ARRAY_PARTITION variable=words complete
        #pragma HLS ARRAY_PARTITION variable=results complete
        receive<CONFIG_T::n_in>(x, words);
        layer<typename data_T::value_type, typename res_T::value_type, CONFIG_T>(words, results, weight, bias);
        send<CONFIG_T::n_out>(results, y);
    }
}

template <class a_T, class b_T, class res_T, class CONFIG_T>
void merge(channel<a_T> &a, channel<b_T> &b, channel<res_T> &y) {
    for (int turn = 0; turn < CONFIG_T::n_turns; turn++) {
        typename a_T::value_type first[CONFIG_T::n_in];
        typename b_T::value_type second[CONFIG_T::n_in2];
        typename res_T::value_type results[CONFIG_T::n_out];
        #pragma HLS ARRAY_PARTITION variable=first complete
        #pragma HLS ARRAY_PARTITION variable=second complete
        #pragma HLS ARRAY_PARTITION variable=results complete
        receive<CONFIG_T::n_in>(a, first);
        receive<CONFIG_T::n_in2>(b, second);
        merge<typename a_T::value_type, typename b_T::value_type, typename res_T::value_type, CONFIG_T>(first, second,
                                                                                                       results);
        send<CONFIG_T::n_out>(results, y);
    }
}

} // namespace trigml

#endif
