// Events in, scores out: block by block through a network.
#pragma once

#include <cstdlib>
#include <cstring>

#include "trigml_inputs.h"

namespace trigml {

template <int STRIDE, class From> inline void write_scores(const From *x, int count, std::int64_t *scores) {
  for (int i = 0; i < count; ++i)
    for (int lane = 0; lane < LANES; ++lane) scores[lane * STRIDE + i] = x[i * LANES + lane];
}

// Memory for one call: the tensors of a block, and the rows of a block that is not full.
class Memory {
 public:
  explicit Memory(std::size_t bytes) : start_(std::malloc(bytes + ALIGNMENT)) {}
  ~Memory() { std::free(start_); }
  Memory(const Memory &) = delete;
  Memory &operator=(const Memory &) = delete;

  bool missing() const { return start_ == nullptr; }
  char *aligned() const {
    const std::uintptr_t start = reinterpret_cast<std::uintptr_t>(start_);
    return static_cast<char *>(start_) + (ALIGNMENT - start % ALIGNMENT) % ALIGNMENT;
  }

 private:
  static constexpr std::size_t ALIGNMENT = 64;
  void *start_;
};

// Some events, fewer than LANES, in a block of their own, filled up with zeros; false if one has no word.
template <class Network, class Value>
bool run_part(const Value *rows, std::int64_t events, std::int64_t *scores, char *memory) {
  Value *in = reinterpret_cast<Value *>(memory + Network::TENSOR_BYTES);
  std::int64_t *out = reinterpret_cast<std::int64_t *>(in + LANES * Network::N_IN + LANES);
  for (std::int64_t i = 0; i < LANES * Network::N_IN; ++i) in[i] = i < events * Network::N_IN ? rows[i] : Value{0};
  if (!Network::block(in, out, memory)) return false;
  if (events > 0) std::memcpy(scores, out, sizeof(std::int64_t) * static_cast<std::size_t>(events * Network::N_OUT));
  return true;
}

// Events through Network, block by block. Returns how many got their scores: all of them, or those before
// the first one that has a value without an input word; -1 if there is no memory.
template <class Network, class Value>
std::int64_t run(const Value *rows, std::int64_t events, std::int64_t *scores) {
  constexpr std::size_t part_bytes = 8 * static_cast<std::size_t>(LANES * (Network::N_IN + Network::N_OUT + 1));
  const Memory memory(Network::TENSOR_BYTES + part_bytes);
  if (memory.missing()) return -1;
  std::int64_t done = 0;
  const auto block = [&](std::int64_t event) { return rows + event * Network::N_IN; };
  const auto score = [&](std::int64_t event) { return scores + event * Network::N_OUT; };
  while (done + LANES <= events && Network::block(block(done), score(done), memory.aligned())) done += LANES;
  if (events - done < LANES && run_part<Network>(block(done), events - done, score(done), memory.aligned())) return events;
  while (done < events && run_part<Network>(block(done), 1, score(done), memory.aligned())) ++done;
  return done;
}

}  // namespace trigml
