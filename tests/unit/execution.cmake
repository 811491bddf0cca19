add_executable(execution_test execution_test.cc)
target_link_libraries(execution_test PRIVATE panda_execution panda_trace Catch2::Catch2WithMain)
catch_discover_tests(execution_test TEST_PREFIX "execution: ")
