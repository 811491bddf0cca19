add_executable(recording_fuzz recording_fuzz.cc)
target_compile_options(recording_fuzz PRIVATE -fsanitize=fuzzer)
target_link_options(recording_fuzz PRIVATE -fsanitize=fuzzer)
target_link_libraries(recording_fuzz PRIVATE panda_recording)
