foreach(target kernelinfo_btf_fuzz kernelinfo_image_fuzz kernelinfo_kallsyms_fuzz kernelinfo_key_file_fuzz
               kernelinfo_loaded_fuzz)
  add_executable(${target} ${target}.cc)
  target_compile_options(${target} PRIVATE -fsanitize=fuzzer)
  target_link_options(${target} PRIVATE -fsanitize=fuzzer)
  target_link_libraries(${target} PRIVATE panda_kernelinfo)
endforeach()
