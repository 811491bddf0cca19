add_executable(osi_bench osi_bench.cc)
target_link_libraries(osi_bench PRIVATE panda_osi panda_bench)
