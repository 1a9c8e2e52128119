# Out-of-context synthesis and implementation of @TOP@ with Vivado:  vivado -mode batch -source vivado.tcl
set here [file normalize [file dirname [info script]]]
set reports [file join $here reports]
file mkdir $reports

create_project -in_memory -part @PART@
foreach file [glob -nocomplain [file join $here src *.v] [file join $here src static *.v]] { read_verilog $file }
foreach file [glob -nocomplain [file join $here src *.vhd] [file join $here src static *.vhd]] { read_vhdl -vhdl2008 $file }
read_xdc -mode out_of_context [file join $here clock.xdc]

synth_design -top @TOP@ -mode out_of_context -flatten_hierarchy rebuilt
report_utilization -file [file join $reports utilization_synth.rpt]
report_timing_summary -file [file join $reports timing_synth.rpt]

opt_design
place_design
phys_opt_design
route_design
report_utilization -file [file join $reports utilization_route.rpt]
report_timing_summary -file [file join $reports timing_route.rpt]
report_power -file [file join $reports power_route.rpt]
