add_executable(common_test common_json_test.cc common_numbers_test.cc)
target_link_libraries(common_test PRIVATE panda_common panda_json Catch2::Catch2WithMain)
catch_discover_tests(common_test TEST_PREFIX "common: ")
