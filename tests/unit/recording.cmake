find_package(nlohmann_json 3.11 REQUIRED)
    add_executable(recording_test recording_test.cc recording_coding_test.cc recording_damage_test
                       .cc recording_kill_test.cc recording_tool_test.cc)
        target_link_libraries(recording_test PRIVATE panda_recording_commands
                                  nlohmann_json::nlohmann_json Catch2::Catch2WithMain)
            catch_discover_tests(recording_test)
