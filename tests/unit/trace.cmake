add_executable(trace_test trace_codec_test.cc trace_damage_test.cc trace_memory_damage_test.cc trace_memory_test.cc trace_program_test.cc trace_registers_test.cc trace_stretch_test.cc trace_tcg_test.cc trace_test.cc)
target_link_libraries(trace_test PRIVATE panda_trace panda_common panda_json Catch2::Catch2WithMain)
target_compile_definitions(trace_test PRIVATE
  PANDA_TRACE_PROGRAM="$<TARGET_FILE:panda-trace>" TRACE_SCHEMA="${CMAKE_SOURCE_DIR}/trace/trace.capnp"
  TCG_SAMPLES="${CMAKE_SOURCE_DIR}/tests/samples/tcg_operations.txt")
add_dependencies(trace_test panda-trace)
catch_discover_tests(trace_test TEST_PREFIX "trace: " PROPERTIES LABELS threads)
