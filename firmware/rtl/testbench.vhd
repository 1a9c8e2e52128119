-- Self-checking testbench: the events of tb/inputs.hex back to back, then with gaps, then through a reset.
--
-- Prints PASS and the measured latency, or FAIL with the first events that differ, and ends the simulation.
-- Reads the vectors from the folder tb, so run it from the project's folder. VHDL-2008.
library ieee;
use ieee.std_logic_1164.all;
use std.textio.all;
use std.env.finish;

entity testbench is
end entity testbench;

architecture simulation of testbench is

    constant EVENTS  : positive := @EVENTS@;
    constant LATENCY : positive := @LATENCY@;
    constant IN_BITS : positive := @IN_BITS@;
    constant OUT_BITS : positive := @OUT_BITS@;

    subtype in_word is std_logic_vector(IN_BITS - 1 downto 0);
    subtype out_word is std_logic_vector(OUT_BITS - 1 downto 0);
    type in_words_t is array (0 to EVENTS - 1) of in_word;
    type out_words_t is array (0 to EVENTS - 1) of out_word;
    type cycles_t is array (0 to EVENTS - 1) of integer;

    signal clk       : std_logic := '0';
    signal rst       : std_logic := '1';
    signal in_valid  : std_logic := '0';
    signal in_words  : in_word   := (others => '0');
    signal out_valid : std_logic;
    signal out_words : out_word;

    signal expected : out_words_t;
    signal entered  : cycles_t := (others => 0);
    signal cycle    : integer  := 0;
    signal sent     : integer  := 0;
    signal restarts : integer  := 0;
    signal received : integer  := 0;
    signal errors   : integer  := 0;

    -- The lowest bits of a row of hexadecimal digits, the most significant digit first.
    procedure read_bits(file source : text; bits : out std_logic_vector) is
        variable row    : line;
        variable digit  : character;
        variable good   : boolean;
        variable value  : integer;
        variable at     : integer;
        variable digits : integer;
    begin
        bits := (bits'range => '0');
        readline(source, row);
        digits := row'length;
        for place in digits - 1 downto 0 loop
            read(row, digit, good);
            assert good report "FAIL: a row of the vectors ends early" severity failure;
            if digit >= '0' and digit <= '9' then
                value := character'pos(digit) - character'pos('0');
            else
                value := character'pos(digit) - character'pos('a') + 10;
            end if;
            for bit_number in 0 to 3 loop
                at := 4 * place + bit_number;
                if at < bits'length and (value / 2 ** bit_number) mod 2 = 1 then
                    bits(at) := '1';
                end if;
            end loop;
        end loop;
    end procedure;

begin

    dut : entity work.@TOP@
        port map (
            clk       => clk,
            rst       => rst,
            in_valid  => in_valid,
            in_words  => in_words,
            out_valid => out_valid,
            out_words => out_words
        );

    clk <= not clk after @HALF_PERIOD@ ns;

    check : process (clk)
        variable seen  : integer := 0;  -- results since the last restart
        variable wrong : integer := 0;
        variable last  : integer := 0;
    begin
        if rising_edge(clk) then
            cycle <= cycle + 1;
            if restarts /= last then
                last := restarts;
                seen := 0;
            end if;
            if out_valid = '1' and rst = '0' then
                if seen >= sent then
                    wrong := wrong + 1;
                    report "FAIL: cycle " & integer'image(cycle) & ": a result without an event";
                else
                    if out_words /= expected(seen) then
                        wrong := wrong + 1;
                        report "FAIL: event " & integer'image(seen) & ": expected " & to_hstring(expected(seen))
                            & ", found " & to_hstring(out_words);
                    end if;
                    if cycle - entered(seen) /= LATENCY then
                        wrong := wrong + 1;
                        report "FAIL: event " & integer'image(seen) & ": latency "
                            & integer'image(cycle - entered(seen)) & " instead of " & integer'image(LATENCY);
                    end if;
                end if;
                seen := seen + 1;
            end if;
            received <= seen;
            errors   <= wrong;
        end if;
    end process;

    -- Signals change on the falling edge, so that no race with the rising one is possible.
    stimulate : process
        file inputs_file  : text open read_mode is "tb/inputs.hex";
        file outputs_file : text open read_mode is "tb/outputs.hex";
        variable inputs  : in_words_t;
        variable result  : out_word;
        variable missing : integer := 0;

        procedure send(event_number : integer) is
        begin
            wait until falling_edge(clk);
            in_valid              <= '1';
            in_words              <= inputs(event_number);
            entered(event_number) <= cycle;
            sent                  <= event_number + 1;
        end procedure;

        procedure idle(cycles : integer) is
        begin
            for n in 1 to cycles loop
                wait until falling_edge(clk);
                in_valid <= '0';
                in_words <= not in_words;  -- must not matter
            end loop;
        end procedure;

        procedure restart is
        begin
            wait until falling_edge(clk);
            in_valid <= '1';  -- must not enter
            rst      <= '1';
            for n in 1 to 3 loop
                wait until falling_edge(clk);
            end loop;
            in_valid <= '0';
            rst      <= '0';
            sent     <= 0;
            restarts <= restarts + 1;
        end procedure;

        procedure require_received(count : integer) is
        begin
            if received /= count then
                missing := missing + 1;
                report "FAIL: " & integer'image(received) & " results instead of " & integer'image(count);
            end if;
        end procedure;
    begin
        for n in 0 to EVENTS - 1 loop
            read_bits(inputs_file, inputs(n));
            read_bits(outputs_file, result);
            expected(n) <= result;
        end loop;
        restart;
        for n in 0 to EVENTS - 1 loop
            send(n);
        end loop;
        idle(LATENCY + 2);
        require_received(EVENTS);
        restart;
        for n in 0 to EVENTS - 1 loop
            send(n);
            idle(n mod 4);
        end loop;
        idle(LATENCY + 2);
        require_received(EVENTS);
        restart;
        for n in 0 to minimum(LATENCY, EVENTS) - 1 loop
            send(n);  -- these are lost in the reset
        end loop;
        restart;
        idle(LATENCY + 2);
        require_received(0);
        for n in 0 to EVENTS - 1 loop
            send(n);
        end loop;
        idle(LATENCY + 2);
        require_received(EVENTS);
        if errors + missing = 0 then
            report "PASS: 3 x " & integer'image(EVENTS) & " events, latency " & integer'image(LATENCY)
                & " cycles, an event per cycle";
        else
            report "FAIL: " & integer'image(errors + missing) & " errors";
        end if;
        finish;
    end process;

end architecture simulation;
