add_executable(heap_test heap_test.cc)
target_link_libraries(heap_test PRIVATE panda_useafterfree Catch2::Catch2WithMain)
catch_discover_tests(heap_test TEST_PREFIX "heap: ")
