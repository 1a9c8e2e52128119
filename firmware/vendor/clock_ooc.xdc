create_clock -name ap_clk -period @CLOCK_NS@ [get_ports ap_clk]
