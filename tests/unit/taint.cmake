add_executable(taint_test taint_sets_test.cc taint_flip_test.cc taint_vector_test.cc taint_engine_test.cc)
target_compile_definitions(taint_test PRIVATE TCG_SAMPLES="${PROJECT_SOURCE_DIR}/tests/samples/tcg_operations.txt")
target_link_libraries(taint_test PRIVATE panda_taint_engine panda_trace Catch2::Catch2WithMain)
catch_discover_tests(taint_test TEST_PREFIX "taint: ")
