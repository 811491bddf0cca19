add_executable(engine_test
  engine_cut_test.cc engine_parts_test.cc engine_record_test.cc engine_replay_test.cc engine_divergence_test.cc engine_random_test.cc
  engine_trace_test.cc fake_glue.cc table_pair_test.cc
  fake_glue_door.cc)
target_link_libraries(engine_test PRIVATE panda_recorder panda_replayer Catch2::Catch2WithMain)
catch_discover_tests(engine_test TEST_PREFIX "engine: " PROPERTIES LABELS threads)
