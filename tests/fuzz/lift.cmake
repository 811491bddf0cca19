# The log's reader alone: it needs no LLVM.
add_executable(lift_log_fuzz lift_log_fuzz.cc ${CMAKE_SOURCE_DIR}/analyzers/lift/run_log.cc)
target_compile_options(lift_log_fuzz PRIVATE -fsanitize=fuzzer)
target_link_options(lift_log_fuzz PRIVATE -fsanitize=fuzzer)
target_link_libraries(lift_log_fuzz PRIVATE panda_common)
