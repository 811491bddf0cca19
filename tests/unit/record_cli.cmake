add_executable(record_cli_test record_cli_test.cc record_process_test.cc replay_cli_test.cc)
target_link_libraries(record_cli_test PRIVATE panda_record panda_replay PkgConfig::LIBARCHIVE Catch2::Catch2WithMain)
catch_discover_tests(record_cli_test TEST_PREFIX "record: ")
