// The network behind a valid signal. Words enter and leave as the input contract and the graph say; README.md of this
// project lists their bits. A new event may enter in every cycle; its result leaves @LATENCY@ cycles later.
//
// Reset is synchronous and active high. It clears the valid chain only: what is in the pipeline is forgotten because
// its valid bits are gone, and the data registers need no reset.
`timescale 1 ns / 1 ps

module @TOP@ (
    input wire clk,
    input wire rst,
    input wire in_valid,
    input wire [@IN_BITS@-1:0] in_words,
    output wire out_valid,
    output wire [@OUT_BITS@-1:0] out_words
);

    localparam LATENCY = @LATENCY@;

    reg [LATENCY-1:0] valid;  // bit i: an event entered i + 1 cycles ago
    integer i;

    initial valid = {LATENCY{1'b0}};

    always @(posedge clk) begin
        valid[0] <= in_valid & ~rst;
        for (i = 1; i < LATENCY; i = i + 1) valid[i] <= valid[i-1] & ~rst;
    end

    assign out_valid = valid[LATENCY-1];

    wire [@CORE_IN_BITS@-1:0] core_in;
    wire [@CORE_OUT_BITS@-1:0] core_out;

@CORE_IN@
@CORE_OUT@

    @TOP@_core core (
        .clk(clk),
        .model_inp(core_in),
        .model_out(core_out)
    );

endmodule
