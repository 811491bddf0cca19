add_executable(kernelinfo_test kernelinfo_btf_test.cc kernelinfo_image_test.cc kernelinfo_kallsyms_test.cc
  kernelinfo_key_file_test.cc)
target_compile_options(kernelinfo_test PRIVATE -g)  # the DWARF test reads this program's own
target_link_libraries(kernelinfo_test PRIVATE panda_kernelinfo Catch2::Catch2WithMain)
catch_discover_tests(kernelinfo_test)
