add_executable(recording_test recording_test.cc recording_coding_test.cc recording_damage_test.cc)
    target_link_libraries(recording_test PRIVATE panda_recording Catch2::Catch2WithMain)
        catch_discover_tests(recording_test)
