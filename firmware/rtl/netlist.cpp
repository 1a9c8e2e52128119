// Simulates a mapped netlist cycle by cycle: tables of up to six inputs and flip-flops, 64 independent runs at a time.
//
//   netlist NETLIST INPUT OUTPUT
//
// NETLIST: 64-bit words, little-endian: numbers of nets, tables, flip-flops, input bits, output bits; the nets of the
// input bits; the nets of the output bits; per table, in the order of evaluation, its content, number of inputs, six
// input nets and output net; per flip-flop the nets of D, CE and SR, its output net, what SR sets it to, and its value
// at the start (0, 1, or 2 for unknown). Net 0 is 0, net 1 is 1, net 2 is unknown: 0 in even runs, 1 in odd ones.
// INPUT: per cycle and run one byte (bit 0 rst, bit 1 in_valid) and the bits of in_words, least significant byte first.
// OUTPUT: per cycle and run one byte (out_valid) and the bits of out_words, as they stand just before the rising edge.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <vector>

using Lanes = std::uint64_t; // bit r: the value of a net in run r

constexpr int RUNS = 64;
constexpr Lanes UNKNOWN = 0xaaaaaaaaaaaaaaaaULL;

struct Table {
    std::uint64_t content;
    std::uint64_t inputs;
    std::uint64_t input[6];
    std::uint64_t output;
};

struct FlipFlop {
    std::uint64_t d, ce, sr, q, set_to, start;
};

struct Netlist {
    std::vector<std::uint64_t> in, out;
    std::vector<Table> tables;
    std::vector<FlipFlop> flip_flops;
    std::size_t nets = 0;
};

static int fail(const char *what) {
    std::perror(what);
    return 1;
}

template <typename Item> static bool read_all(std::FILE *file, std::vector<Item> &items, std::uint64_t count) {
    items.resize(count);
    return std::fread(items.data(), sizeof(Item), count, file) == count;
}

static bool read_netlist(const char *path, Netlist &netlist) {
    std::FILE *file = std::fopen(path, "rb");
    if (!file)
        return false;
    std::uint64_t sizes[5];
    bool whole = std::fread(sizes, sizeof(sizes), 1, file) == 1;
    netlist.nets = whole ? sizes[0] : 0;
    whole = whole && read_all(file, netlist.in, sizes[3]) && read_all(file, netlist.out, sizes[4]);
    whole = whole && read_all(file, netlist.tables, sizes[1]) && read_all(file, netlist.flip_flops, sizes[2]);
    std::fclose(file);
    return whole;
}

// The table's content is folded input by input; what is left is its output in all runs.
static Lanes looked_up(const Table &table, const std::vector<Lanes> &nets) {
    if (table.inputs == 0)
        return table.content & 1 ? ~Lanes{0} : Lanes{0};
    Lanes folded[32];
    const Lanes first = nets[table.input[0]];
    std::size_t count = std::size_t{1} << (table.inputs - 1);
    for (std::size_t i = 0; i < count; i++) {
        const Lanes low = -((table.content >> (2 * i)) & 1), high = -((table.content >> (2 * i + 1)) & 1);
        folded[i] = low ^ ((low ^ high) & first);
    }
    for (std::size_t input = 1; input < table.inputs; input++) {
        const Lanes select = nets[table.input[input]];
        count /= 2;
        for (std::size_t i = 0; i < count; i++)
            folded[i] = folded[2 * i] ^ ((folded[2 * i] ^ folded[2 * i + 1]) & select);
    }
    return folded[0];
}

static void set_inputs(const Netlist &netlist, std::vector<Lanes> &nets, const std::uint8_t *cycle, std::size_t bytes) {
    for (std::size_t bit = 0; bit < netlist.in.size(); bit++) {
        const std::size_t place = bit < 2 ? bit : bit - 2 + 8; // rst and in_valid fill a byte
        Lanes value = 0;
        for (int run = 0; run < RUNS; run++)
            value |= Lanes{(cycle[run * bytes + place / 8] >> (place % 8)) & 1u} << run;
        nets[netlist.in[bit]] = value;
    }
}

static void get_outputs(const Netlist &netlist, const std::vector<Lanes> &nets, std::uint8_t *seen, std::size_t bytes) {
    for (std::size_t bit = 0; bit < netlist.out.size(); bit++) {
        const std::size_t place = bit < 1 ? bit : bit - 1 + 8; // out_valid fills a byte
        const Lanes value = nets[netlist.out[bit]];
        for (int run = 0; run < RUNS; run++)
            seen[run * bytes + place / 8] |= static_cast<std::uint8_t>(((value >> run) & 1) << (place % 8));
    }
}

static void clock_edge(const Netlist &netlist, std::vector<Lanes> &nets, std::vector<Lanes> &next) {
    for (std::size_t i = 0; i < next.size(); i++) {
        const FlipFlop &f = netlist.flip_flops[i];
        const Lanes kept = (nets[f.ce] & nets[f.d]) | (~nets[f.ce] & nets[f.q]);
        next[i] = f.set_to ? kept | nets[f.sr] : kept & ~nets[f.sr];
    }
    for (std::size_t i = 0; i < next.size(); i++)
        nets[netlist.flip_flops[i].q] = next[i];
}

int main(int argc, char **argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: netlist NETLIST INPUT OUTPUT\n");
        return 2;
    }
    Netlist netlist;
    if (!read_netlist(argv[1], netlist))
        return fail(argv[1]);
    std::FILE *input = std::fopen(argv[2], "rb");
    if (!input)
        return fail(argv[2]);
    std::FILE *output = std::fopen(argv[3], "wb");
    if (!output)
        return fail(argv[3]);
    const std::size_t in_bytes = 1 + (netlist.in.size() - 2 + 7) / 8, out_bytes = 1 + (netlist.out.size() - 1 + 7) / 8;
    std::vector<std::uint8_t> cycle(RUNS * in_bytes), seen;
    std::vector<Lanes> nets(netlist.nets, 0), next(netlist.flip_flops.size());
    nets[1] = ~Lanes{0};
    nets[2] = UNKNOWN;
    for (const FlipFlop &f : netlist.flip_flops)
        nets[f.q] = nets[f.start];
    std::size_t got;
    while ((got = std::fread(cycle.data(), 1, cycle.size(), input)) == cycle.size()) {
        set_inputs(netlist, nets, cycle.data(), in_bytes);
        for (const Table &table : netlist.tables)
            nets[table.output] = looked_up(table, nets);
        seen.assign(RUNS * out_bytes, 0);
        get_outputs(netlist, nets, seen.data(), out_bytes);
        if (std::fwrite(seen.data(), 1, seen.size(), output) != seen.size())
            return fail("writing the output");
        clock_edge(netlist, nets, next);
    }
    if (got != 0) {
        std::fprintf(stderr, "the input ends in the middle of a cycle\n");
        return 1;
    }
    return std::fclose(output) == 0 ? 0 : fail("writing the output");
}
