// Self-checking testbench: the events of tb/inputs.hex back to back, then with gaps, then through a reset.
//
// Prints PASS and the measured latency, or FAIL with the first event that differs, and ends the simulation.
// Reads the vectors from the folder tb, so run it from the project's folder.
`timescale 1 ns / 1 ps

module testbench;

    localparam EVENTS = @EVENTS@;
    localparam LATENCY = @LATENCY@;

    reg clk = 1'b0;
    reg rst = 1'b1;
    reg in_valid = 1'b0;
    reg [@IN_BITS@-1:0] in_words = {@IN_BITS@{1'b0}};
    wire out_valid;
    wire [@OUT_BITS@-1:0] out_words;

    reg [@IN_BITS@-1:0] inputs[0:EVENTS-1];
    reg [@OUT_BITS@-1:0] expected[0:EVENTS-1];
    integer entered[0:EVENTS-1];

    integer cycle = 0;
    integer sent = 0;
    integer received = 0;
    integer errors = 0;
    integer pass;

    @TOP@ dut (
        .clk(clk),
        .rst(rst),
        .in_valid(in_valid),
        .in_words(in_words),
        .out_valid(out_valid),
        .out_words(out_words)
    );

    always #(@HALF_PERIOD@) clk = ~clk;

    always @(posedge clk) begin
        cycle <= cycle + 1;
        if (out_valid && !rst) begin
            if (received >= sent) begin
                errors <= errors + 1;
                $display("FAIL: cycle %0d: a result without an event", cycle);
            end else begin
                if (out_words !== expected[received]) begin
                    errors <= errors + 1;
                    if (errors < 5)
                        $display("FAIL: event %0d: expected %h, found %h", received, expected[received], out_words);
                end
                if (cycle - entered[received] != LATENCY) begin
                    errors <= errors + 1;
                    if (errors < 5)
                        $display("FAIL: event %0d: latency %0d instead of %0d", received, cycle - entered[received],
                                 LATENCY);
                end
            end
            received <= received + 1;
        end
    end

    // Signals change on the falling edge, so that no race with the rising one is possible.
    task send(input integer event_number);
        begin
            @(negedge clk);
            in_valid = 1'b1;
            in_words = inputs[event_number];
            entered[event_number] = cycle;
            sent = event_number + 1;
        end
    endtask

    task idle(input integer cycles);
        begin
            repeat (cycles) begin
                @(negedge clk);
                in_valid = 1'b0;
                in_words = ~in_words;  // must not matter
            end
        end
    endtask

    task restart;
        begin
            @(negedge clk);
            rst = 1'b1;
            in_valid = 1'b1;  // must not enter
            repeat (3) @(negedge clk);
            rst = 1'b0;
            in_valid = 1'b0;
            sent = 0;
            received = 0;
        end
    endtask

    integer n;
    initial begin
        $readmemh("tb/inputs.hex", inputs);
        $readmemh("tb/outputs.hex", expected);
        restart;
        for (n = 0; n < EVENTS; n = n + 1) send(n);
        idle(LATENCY + 2);
        if (received != EVENTS) errors = errors + 1;
        restart;
        for (n = 0; n < EVENTS; n = n + 1) begin
            send(n);
            idle(n % 4);
        end
        idle(LATENCY + 2);
        if (received != EVENTS) errors = errors + 1;
        restart;
        for (n = 0; n < LATENCY && n < EVENTS; n = n + 1) send(n);  // these are lost in the reset
        restart;
        idle(LATENCY + 2);
        if (received != 0) errors = errors + 1;
        for (n = 0; n < EVENTS; n = n + 1) send(n);
        idle(LATENCY + 2);
        if (received != EVENTS) errors = errors + 1;
        if (errors == 0) $display("PASS: 3 x %0d events, latency %0d cycles, an event per cycle", EVENTS, LATENCY);
        else $display("FAIL: %0d errors", errors);
        $finish;
    end

endmodule
