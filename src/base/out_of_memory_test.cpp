#include "base/out_of_memory.hpp"

namespace compozy {
namespace {

TEST(OutOfMemoryDeathTest, SaysWhatHappenedAndWhatToDo) {
  EXPECT_DEATH(out_of_memory(), "out of memory.*redis.standalone.max_memory");
}

}  // namespace
}  // namespace compozy
