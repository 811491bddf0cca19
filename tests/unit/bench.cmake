# What benchmarks share.
add_executable(bench_test bench_meanwhile_test.cc)
target_link_libraries(bench_test PRIVATE panda_bench Catch2::Catch2WithMain)
catch_discover_tests(bench_test TEST_PREFIX "bench: ")

find_package(Python3 REQUIRED COMPONENTS Interpreter)
add_test(NAME "bench: what else ran, in scripts"
  COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_SOURCE_DIR}/tests/bench/meanwhile_test.py)
