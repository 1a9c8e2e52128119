// From features to input words: word = round_half_even((value - offset) * scale), between low and high.
#pragma once

#include <cstring>
#include <type_traits>

#include "trigml_pairs.h"

namespace trigml {

typedef float Floats __attribute__((vector_size(32)));
typedef double Doubles __attribute__((vector_size(32)));
typedef std::int32_t FourWords __attribute__((vector_size(16)));
typedef std::int64_t DoubleMask __attribute__((vector_size(32)));

// One feature of the input contract. A value whose distance from the offset is beyond limit (NaN, infinite)
// has no word. In single precision the sum (value * single_scale, between single_low and single_high)
// + single_shift has the word in its lowest bits: the shift is 1.5 * 2^23 less the offset's word, and where the
// generator calls a port exact in single precision, that one sum is all that is rounded.
struct Feature {
  double offset, scale, limit;
  float single_scale, single_low, single_high, single_shift;
};

constexpr int EIGHT = 8;
constexpr std::int32_t SINGLE_SHIFT_BITS = 0x4b400000;  // of 1.5 * 2^23
constexpr double DOUBLE_SHIFT = 6755399441055744.0;     // 1.5 * 2^52: a sum with it has no bits below one

// Words of at most EIGHT features of LANES events.
using EightWords = std::int32_t[EIGHT][LANES];

// Not less than low and not more than high; NaN becomes low.
inline Floats between(Floats x, Floats low, Floats high) {
#if defined(__AVX__)
  return __builtin_ia32_minps256(__builtin_ia32_maxps256(x, low), high);
#else
  x = x > low ? x : low;
  return x < high ? x : high;
#endif
}

inline Doubles between(Doubles x, Doubles low, Doubles high) {
#if defined(__AVX__)
  return __builtin_ia32_minpd256(__builtin_ia32_maxpd256(x, low), high);
#else
  x = x > low ? x : low;
  return x < high ? x : high;
#endif
}

// Eight rows of eight become eight columns.
inline void transpose(Floats (&rows)[EIGHT]) {
  Floats twos[EIGHT], fours[EIGHT];
#pragma GCC unroll 4
  for (int i = 0; i < EIGHT; i += 2) {
    twos[i] = __builtin_shufflevector(rows[i], rows[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    twos[i + 1] = __builtin_shufflevector(rows[i], rows[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
#pragma GCC unroll 4
  for (int i = 0; i < EIGHT; i += 4) {
#pragma GCC unroll 2
    for (int j = 0; j < 2; ++j) {
      fours[i + 2 * j] = __builtin_shufflevector(twos[i + j], twos[i + j + 2], 0, 1, 8, 9, 4, 5, 12, 13);
      fours[i + 2 * j + 1] = __builtin_shufflevector(twos[i + j], twos[i + j + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < EIGHT / 2; ++i) {
    rows[i] = __builtin_shufflevector(fours[i], fours[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    rows[i + 4] = __builtin_shufflevector(fours[i], fours[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
}

// Zero in every lane whose values were all finite.
inline bool all_zero(Floats x) {
  std::int32_t bad = 0;
  for (int i = 0; i < EIGHT; ++i) bad |= !(x[i] == 0);
  return bad == 0;
}

// In single precision, where that is exact.
template <int STRIDE>
inline bool eight_words(const float *values, const Feature *features, int count, EightWords &words) {
  Floats unfit = {};
  for (int lane = 0; lane < LANES; lane += EIGHT) {
    Floats columns[EIGHT] = {};
    const float *row = values + lane * STRIDE;
    if (count == EIGHT) {
#pragma GCC unroll 8
      for (int i = 0; i < EIGHT; ++i) columns[i] = loaded<Floats>(row + i * STRIDE);
      transpose(columns);
    } else {
      float gathered[EIGHT][EIGHT] = {};
      for (int i = 0; i < EIGHT; ++i)
        for (int j = 0; j < count; ++j) gathered[j][i] = row[i * STRIDE + j];
      for (int j = 0; j < EIGHT; ++j) columns[j] = loaded<Floats>(gathered[j]);
    }
#pragma GCC unroll 8
    for (int j = 0; j < EIGHT; ++j) {
      if (j >= count) break;
      const Feature &feature = features[j];
      unfit += columns[j] * 0.0f;  // NaN from a NaN or an infinity
      const Floats scaled = between(columns[j] * feature.single_scale, Floats{} + feature.single_low,
                                    Floats{} + feature.single_high);
      stored(&words[j][lane], (Lanes32)(scaled + feature.single_shift) - SINGLE_SHIFT_BITS);
    }
  }
  return all_zero(unfit);
}

// In double precision: the definition.
template <int STRIDE, class Value>
inline bool eight_words(const Value *values, const Feature *features, int count, double low, double high,
                        EightWords &words) {
  DoubleMask good = ~DoubleMask{};
  for (int j = 0; j < count; ++j) {
    const Feature &feature = features[j];
    for (int lane = 0; lane < LANES; lane += 4) {
      Doubles x;
      for (int i = 0; i < 4; ++i) x[i] = static_cast<double>(values[(lane + i) * STRIDE + j]);
      x -= feature.offset;
      good &= (x <= Doubles{} + feature.limit) & (x >= Doubles{} - feature.limit);
      x = between(x * feature.scale, Doubles{} + low, Doubles{} + high);
      const Doubles whole = (x + DOUBLE_SHIFT) - DOUBLE_SHIFT;
      const FourWords four = __builtin_convertvector(whole, FourWords);
      std::memcpy(&words[j][lane], &four, sizeof(four));
    }
  }
  return good[0] & good[1] & good[2] & good[3];
}

// Words that were made elsewhere, which have to be between low and high.
template <int STRIDE>
inline bool eight_words(const std::int64_t *values, int count, std::int64_t low, std::int64_t high, EightWords &words) {
  bool good = true;
  for (int lane = 0; lane < LANES; ++lane, values += STRIDE) {
    for (int j = 0; j < count; ++j) {
      good &= (values[j] >= low) & (values[j] <= high);
      words[j][lane] = static_cast<std::int32_t>(values[j]);
    }
  }
  return good;
}

// The words of an input of COUNT features, as rows of To; false if a value has no word.
template <int STRIDE, int COUNT, bool SINGLE, class To, class Value>
bool read_port(const Value *values, const Feature *features, std::int64_t low, std::int64_t high,
               typename To::Word *y) {
  bool good = true;
  for (int start = 0; start < COUNT; start += EIGHT) {
    alignas(32) EightWords words;
    const int count = COUNT - start < EIGHT ? COUNT - start : EIGHT;
    if constexpr (std::is_same<Value, std::int64_t>::value) {
      good &= eight_words<STRIDE>(values + start, count, low, high, words);
    } else if constexpr (SINGLE && std::is_same<Value, float>::value) {
      good &= eight_words<STRIDE>(values + start, features + start, count, words);
    } else {
      good &= eight_words<STRIDE>(values + start, features + start, count, static_cast<double>(low),
                                  static_cast<double>(high), words);
    }
    for (int j = 0; j < count; j += To::PER_ROW, y += LANES) {
      for (int half = 0; half < LANES; half += HALF) {
        const Wide a = {loaded<Lanes32>(&words[j][half]), loaded<Lanes32>(&words[j][half + HALF / 2])};
        Wide b = {};
        if (To::PER_ROW == 2 && j + 1 < count)
          b = {loaded<Lanes32>(&words[j + 1][half]), loaded<Lanes32>(&words[j + 1][half + HALF / 2])};
        To::put(y + half, a, b);
      }
    }
  }
  return good;
}

}  // namespace trigml
