add_executable(osi_test osi_c_api_test.cc osi_details_test.cc osi_discover_test.cc osi_events_test.cc osi_files_test.cc osi_linux_test.cc osi_memory_test.cc osi_paging_test.cc)
target_link_libraries(osi_test PRIVATE panda_asidstory panda_osi Catch2::Catch2WithMain)
catch_discover_tests(osi_test)

find_package(nlohmann_json 3.11 REQUIRED)
add_executable(analyze_osi_test analyze_osi_test.cc analyze_osi_trace_test.cc)
target_link_libraries(analyze_osi_test
  PRIVATE panda_analyze_memdump panda_analyze_osi panda_analyze_programs nlohmann_json::nlohmann_json Catch2::Catch2WithMain)
catch_discover_tests(analyze_osi_test)
