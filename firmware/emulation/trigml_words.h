// Functions on one word: what relu, quantisers and the like compute, to the bit.
//
// Each takes a scalar or a vector of lanes (one event per lane). The generator of trigml proved from the
// actual weights that neither arguments nor intermediate results leave the type.
#pragma once

#include <cstdint>

namespace trigml {

// 32 bytes of lanes, as g++ and clang++ know them: SSE, AVX2 or NEON registers.
typedef std::int16_t Lanes16 __attribute__((vector_size(32)));
typedef std::int32_t Lanes32 __attribute__((vector_size(32)));

template <class T> struct WordOf {
  using Type = T;
  static constexpr bool IS_VECTOR = false;
};
template <> struct WordOf<Lanes16> {
  using Type = std::int16_t;
  static constexpr bool IS_VECTOR = true;
};
template <> struct WordOf<Lanes32> {
  using Type = std::int32_t;
  static constexpr bool IS_VECTOR = true;
};

enum class Rounding { TRN, TRN_ZERO, RND, RND_ZERO, RND_INF, RND_MIN_INF, RND_CONV };

// The same constant in every lane.
template <class T> inline T every(std::int64_t value) {
  return T{} + static_cast<typename WordOf<T>::Type>(value);
}

// -1 where x is negative, else 0.
template <class T> inline T sign(T x) { return x >> (8 * sizeof(typename WordOf<T>::Type) - 1); }

template <class T> inline T at_least(T x, T low) { return x > low ? x : low; }
template <class T> inline T at_most(T x, T high) { return x < high ? x : high; }

template <class T> inline T relu(T x) { return at_least(x, T{}); }

// x * 2^SHIFT where x is not negative, else x.
template <int SHIFT, class T> inline T leaky_relu(T x) {
  return x < T{} ? x : static_cast<T>(x * every<T>(std::int64_t{1} << SHIFT));
}

// Saturation at one end, where the other one is out of reach.
template <class T> inline T clipped_below(T x, std::int64_t low) { return at_least(x, every<T>(low)); }
template <class T> inline T clipped_above(T x, std::int64_t high) { return at_most(x, every<T>(high)); }

// Between low and high: saturation.
template <class T> inline T clipped(T x, std::int64_t low, std::int64_t high) {
  return at_most(at_least(x, every<T>(low)), every<T>(high));
}

// Zero outside of low to high.
template <class T> inline T zero_outside(T x, std::int64_t low, std::int64_t high) {
  const T above = x < every<T>(low) ? T{} : x;
  return x > every<T>(high) ? T{} : above;
}

// The lowest WIDTH bits, as a signed or unsigned word.
template <int WIDTH, bool SIGNED, class T> inline T wrapped(T x) {
  constexpr int unused = 8 * static_cast<int>(sizeof(typename WordOf<T>::Type)) - WIDTH;
  static_assert(unused >= (SIGNED ? 0 : 1), "the lane type holds the words");
  if constexpr (!SIGNED) return x & every<T>((std::int64_t{1} << WIDTH) - 1);
  const T bits = x & every<T>(static_cast<std::int64_t>((std::uint64_t{1} << (WIDTH - 1)) * 2 - 1));
  const T top = every<T>(static_cast<std::int64_t>(std::uint64_t{1} << (WIDTH - 1)));
  if constexpr (unused == 0) return x;
  return static_cast<T>((bits ^ top) - top);
}

// x * 2^SHIFT, modulo the lane type.
template <int SHIFT, class T> inline T times_power(T x) {
  if constexpr (SHIFT >= 8 * static_cast<int>(sizeof(typename WordOf<T>::Type))) {
    return T{};
  } else if constexpr (WordOf<T>::IS_VECTOR) {
    return x << SHIFT;
  } else {
    return static_cast<T>(static_cast<std::uint64_t>(x) << SHIFT);
  }
}

// x / 2^SHIFT, rounded; 0 < SHIFT, and x + 2^SHIFT fits the lane type.
template <int SHIFT, Rounding ROUNDING, class T> inline T rounded(T x) {
  constexpr std::int64_t half = std::int64_t{1} << (SHIFT - 1);
  switch (ROUNDING) {
    case Rounding::TRN: break;
    case Rounding::TRN_ZERO: x = x + (sign(x) & every<T>(2 * half - 1)); break;
    case Rounding::RND: x = x + every<T>(half); break;
    case Rounding::RND_ZERO: x = x + every<T>(half - 1) - sign(x); break;
    case Rounding::RND_INF: x = x + every<T>(half) + sign(x); break;
    case Rounding::RND_MIN_INF: x = x + every<T>(half - 1); break;
    case Rounding::RND_CONV: x = x + every<T>(half - 1) + ((x >> SHIFT) & every<T>(1)); break;
  }
  return x >> SHIFT;
}

// sum / count, rounded; count is positive.
template <Rounding ROUNDING, class T> inline T divided(T sum, T count) {
  T floor = sum / count, rest = sum % count;
  if (rest < 0) floor -= 1, rest += count;
  const T other = count - rest;  // how far above the sum the next multiple is
  bool tie_up = false;
  switch (ROUNDING) {
    case Rounding::TRN: return floor;
    case Rounding::TRN_ZERO: return floor + (sum < 0 && rest > 0);
    case Rounding::RND: tie_up = true; break;
    case Rounding::RND_ZERO: tie_up = sum < 0; break;
    case Rounding::RND_INF: tie_up = sum >= 0; break;
    case Rounding::RND_MIN_INF: break;
    case Rounding::RND_CONV: tie_up = floor & 1; break;
  }
  return floor + (rest > other || (rest == other && tie_up));
}

}  // namespace trigml
