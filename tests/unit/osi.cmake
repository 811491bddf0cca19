add_executable(osi_test osi_c_api_test.cc osi_details_test.cc osi_discover_test.cc osi_epoch_test.cc osi_events_test.cc osi_files_test.cc osi_linux_test.cc osi_memory_test.cc osi_paging_test.cc osi_sockets_test.cc osi_symbols_test.cc)
target_compile_options(osi_test PRIVATE -g)  # the test of symbols reads this program's own lines
target_link_libraries(osi_test PRIVATE panda_analyze_osi panda_asidstory panda_json panda_osi ${CMAKE_DL_LIBS} Catch2::Catch2WithMain)
catch_discover_tests(osi_test)

add_executable(analyze_osi_test analyze_osi_test.cc analyze_osi_trace_test.cc)
target_link_libraries(analyze_osi_test
  PRIVATE panda_analyze_memdump panda_analyze_osi panda_analyze_programs panda_frame Catch2::Catch2WithMain)
catch_discover_tests(analyze_osi_test)

add_executable(analyze_frame_test analyze_frame_test.cc)
target_link_libraries(analyze_frame_test PRIVATE panda_kernelinfo panda_osi panda_trace Catch2::Catch2WithMain)
target_compile_definitions(analyze_frame_test PRIVATE PANDA_PROGRAMS="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
foreach(program asidstory blocks files memdump memory net osi syscalls)
  add_dependencies(analyze_frame_test panda-analyze-${program})
endforeach()
add_dependencies(analyze_frame_test panda-kernelinfo)
catch_discover_tests(analyze_frame_test TEST_PREFIX "analyzers: ")
