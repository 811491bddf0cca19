add_executable(taps_test taps_test.cc)
target_link_libraries(taps_test PRIVATE panda_strings panda_taps Catch2::Catch2WithMain)
catch_discover_tests(taps_test TEST_PREFIX "taps: ")

add_executable(keyfind_test keyfind_test.cc)
target_link_libraries(keyfind_test PRIVATE panda_keyfind Catch2::Catch2WithMain)
target_compile_definitions(keyfind_test PRIVATE TLS_SAMPLES="${CMAKE_SOURCE_DIR}/tests/samples/tls/")
catch_discover_tests(keyfind_test TEST_PREFIX "keyfind: ")
