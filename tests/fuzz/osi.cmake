add_executable(osi_linux_fuzz osi_linux_fuzz.cc)
target_compile_options(osi_linux_fuzz PRIVATE -fsanitize=fuzzer)
target_link_options(osi_linux_fuzz PRIVATE -fsanitize=fuzzer)
target_link_libraries(osi_linux_fuzz PRIVATE panda_osi)
