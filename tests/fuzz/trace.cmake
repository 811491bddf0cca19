# Cap'n Proto's headers, not its library, are compiled with the fuzzer's instrumentation: that is enough to see where
# this project's own code goes.
foreach(target trace_reader_fuzz trace_codec_fuzz trace_follow_fuzz trace_operations_fuzz)
  add_executable(${target} ${target}.cc)
  target_compile_options(${target} PRIVATE -fsanitize=fuzzer)
  target_link_options(${target} PRIVATE -fsanitize=fuzzer)
  target_link_libraries(${target} PRIVATE panda_trace panda_common)
endforeach()

target_compile_definitions(trace_operations_fuzz PRIVATE
  TCG_SAMPLES="${CMAKE_SOURCE_DIR}/tests/samples/tcg_operations.txt")

# What they begin with.
add_executable(trace_corpus trace_corpus.cc)
target_compile_options(trace_corpus PRIVATE -fsanitize=fuzzer-no-link)
target_link_libraries(trace_corpus PRIVATE panda_trace panda_common)
