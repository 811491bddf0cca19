add_executable(profile_test profile_test.cc)
target_link_libraries(profile_test PRIVATE panda_profile panda_json Catch2::Catch2WithMain)
catch_discover_tests(profile_test TEST_PREFIX "profile: ")
