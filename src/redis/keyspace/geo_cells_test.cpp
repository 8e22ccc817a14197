// SPDX-License-Identifier: Apache-2.0
#include "redis/keyspace/geo_cells.hpp"

#include <algorithm>

#include "base/random.hpp"

namespace compozy::redis::geo {
namespace {

const Place kPalermo{13.361389, 38.115556};
const Place kCatania{15.087269, 37.502669};

TEST(GeoCells, AScoreKeepsThePlaceToLessThanAMetre) {
  EXPECT_EQ(score_of(kPalermo), 3479099956230698U);
  EXPECT_EQ(text_of(static_cast<double>(score_of(kPalermo))), "sqc8b49rny0");
  EXPECT_LT(distance(kPalermo, place_of(static_cast<double>(score_of(kPalermo)))), 1);
  EXPECT_NEAR(distance(kPalermo, kCatania), 166274, 1);
}

TEST(GeoCells, TheCellsAroundAShapeHoldAllThatIsInside) {
  SeededRandom random(4);
  const auto degree = [&](double limit) { return (static_cast<double>(random.below(20'001)) / 10'000 - 1) * limit; };
  for (int round = 0; round < 3000; ++round) {
    Shape shape{.centre = {degree(170), degree(80)}, .circle = random.below(2) == 0};
    shape.radius = static_cast<double>(random.below(1'000'000));
    shape.width = shape.radius;
    shape.height = static_cast<double>(random.below(1'000'000));
    const Place place{shape.centre.longitude + degree(5), shape.centre.latitude + degree(5)};
    double from_centre = 0;
    if (!is_on_map(place) || !shape.contains(place, from_centre)) continue;
    const uint64_t score = score_of(place);
    const auto cells = cells_around(shape);
    EXPECT_TRUE(std::ranges::any_of(cells, [&](const Cell& cell) {
      return cell.steps > 0 && score >= scores_of(cell).from && score < scores_of(cell).to;
    })) << round;
  }
}

}  // namespace
}  // namespace compozy::redis::geo
