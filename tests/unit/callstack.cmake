add_executable(callstack_test callstack_test.cc)
target_link_libraries(callstack_test PRIVATE panda_callstack panda_trace Catch2::Catch2WithMain)
catch_discover_tests(callstack_test TEST_PREFIX "callstack: ")
