# What reads a trace's memory: recovery, passes, memory at any instr.
add_executable(trace_read_test trace_access_search_test.cc trace_ahead_test.cc trace_align_test.cc trace_cut_test.cc trace_follow_test.cc trace_marks_test.cc trace_memory_at_test.cc trace_memory_chain_test.cc trace_moment_test.cc trace_pass_memory_test.cc trace_pass_test.cc trace_recover_test.cc)
target_link_libraries(trace_read_test PRIVATE panda_trace panda_common Catch2::Catch2WithMain)
catch_discover_tests(trace_read_test TEST_PREFIX "trace: " PROPERTIES LABELS threads)

add_executable(analyze_trace_test analyze_blocks_test.cc analyze_memdump_test.cc analyze_memory_test.cc)
target_link_libraries(analyze_trace_test PRIVATE panda_analyze_blocks panda_analyze_memdump panda_analyze_memory panda_json Catch2::Catch2WithMain)
catch_discover_tests(analyze_trace_test TEST_PREFIX "analyzers: ")
