add_executable(coverage_test coverage_test.cc)
target_compile_options(coverage_test PRIVATE -g)  # it reads this program's own lines
target_link_libraries(coverage_test PRIVATE panda_coverage panda_json panda_trace Catch2::Catch2WithMain)
catch_discover_tests(coverage_test TEST_PREFIX "coverage: ")
