add_executable(taint_engine_fuzz taint_engine_fuzz.cc)
target_compile_options(taint_engine_fuzz PRIVATE -fsanitize=fuzzer)
target_link_options(taint_engine_fuzz PRIVATE -fsanitize=fuzzer)
target_link_libraries(taint_engine_fuzz PRIVATE panda_taint_engine)
target_compile_definitions(taint_engine_fuzz PRIVATE
  TCG_SAMPLES="${CMAKE_SOURCE_DIR}/tests/samples/tcg_operations.txt")
