# What reads a trace's memory: recovery, passes, memory at any instr.
add_executable(trace_read_test trace_memory_chain_test.cc trace_recover_test.cc)
target_link_libraries(trace_read_test PRIVATE panda_trace panda_common Catch2::Catch2WithMain)
catch_discover_tests(trace_read_test TEST_PREFIX "trace: ")
