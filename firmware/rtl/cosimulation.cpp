// Drives the Verilated top module cycle by cycle from a file, and writes what it sees to another.
//
//   cosimulation INPUT OUTPUT
//
// INPUT: per cycle one byte (bit 0 rst, bit 1 in_valid) and the bits of in_words, least significant byte first.
// OUTPUT: per cycle one byte (out_valid) and the bits of out_words, as they stand just before the rising edge.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <type_traits>
#include <vector>

#include "Vtop.h"
#include "verilated.h"

// A port of up to 64 bits is an integer in Verilator, a wider one an array of 32-bit words; both little-endian here.
template <typename Port> static void set_port(Port &port, const std::uint8_t *bytes, std::size_t count) {
    std::memset(&port, 0, sizeof(port));
    std::memcpy(&port, bytes, count);
}

template <typename Port> static void get_port(const Port &port, std::uint8_t *bytes, std::size_t count) {
    std::memcpy(bytes, &port, count);
}

static int fail(const char *what) {
    std::perror(what);
    return 1;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: cosimulation INPUT OUTPUT\n");
        return 2;
    }
    std::FILE *input = std::fopen(argv[1], "rb");
    if (!input)
        return fail(argv[1]);
    std::FILE *output = std::fopen(argv[2], "wb");
    if (!output)
        return fail(argv[2]);
    constexpr std::size_t in_bytes = (TRIGML_IN_BITS + 7) / 8, out_bytes = (TRIGML_OUT_BITS + 7) / 8;
    std::vector<std::uint8_t> cycle(1 + in_bytes), seen(1 + out_bytes);
    VerilatedContext context;
    Vtop top(&context);
    top.clk = 0;
    std::size_t got;
    while ((got = std::fread(cycle.data(), 1, cycle.size(), input)) == cycle.size()) {
        top.rst = cycle[0] & 1;
        top.in_valid = (cycle[0] >> 1) & 1;
        set_port(top.in_words, cycle.data() + 1, in_bytes);
        top.clk = 0;
        top.eval();
        seen[0] = top.out_valid;
        get_port(top.out_words, seen.data() + 1, out_bytes);
        if (std::fwrite(seen.data(), 1, seen.size(), output) != seen.size())
            return fail("writing the output");
        top.clk = 1;
        top.eval();
        context.timeInc(1);
    }
    if (got != 0) {
        std::fprintf(stderr, "the input ends in the middle of a cycle\n");
        return 1;
    }
    top.final();
    if (std::fclose(output) != 0)
        return fail("writing the output");
    return 0;
}
