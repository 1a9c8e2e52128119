create_clock -name clk -period @CLOCK_NS@ [get_ports clk]
