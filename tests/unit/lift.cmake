# Lifting, where LLVM is there.
if(PANDA_LLVM)
  add_executable(lift_test lift_log_test.cc lift_test.cc)
  target_link_libraries(lift_test PRIVATE panda_lift panda_common Catch2::Catch2WithMain)
  target_compile_definitions(lift_test PRIVATE
    TCG_SAMPLES="${CMAKE_SOURCE_DIR}/tests/samples/tcg_operations.txt" HELPERS="${PANDA_LIBEXEC}/helpers")
  add_dependencies(lift_test panda_qemu_helpers)
  catch_discover_tests(lift_test TEST_PREFIX "lift: ")
  add_test(NAME "lift: options that contradict" COMMAND
    ${CMAKE_CURRENT_LIST_DIR}/lift_options_test.sh $<TARGET_FILE:panda-analyze-lift>)
endif()
