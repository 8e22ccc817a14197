// SPDX-License-Identifier: Apache-2.0
//
// Geography on sorted sets: a place is a cell of a grid over longitude and latitude, numbered by interleaving the bits
// of both (longitude in the odd ones). At 26 steps the number has 52 bits and is exactly a double: the member's score.
// A coarser cell is a contiguous range of scores, so a circle or box is searched as at most nine ranges.
// Pure. Degrees (WGS84; latitude to ±85.05112878, as web maps), metres on a sphere.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace compozy::redis::geo {

inline constexpr double kLongitudeMax = 180;
inline constexpr double kLatitudeMax = 85.05112878;
inline constexpr int kSteps = 26;

struct Place {
  double longitude = 0;
  double latitude = 0;
};

struct Cell {
  uint64_t bits = 0;
  int steps = 0;  // 0: no cell
  bool operator==(const Cell&) const = default;
};

struct Bounds {
  double west, south, east, north;
};

bool is_on_map(Place place);
Cell cell_of(Place place, int steps, double latitude_max = kLatitudeMax);
Bounds bounds_of(Cell cell);
uint64_t score_of(Place place);
Place place_of(double score);
// The eleven characters of the public geohash of a score.
std::string text_of(double score);

double distance(Place a, Place b);

// A circle, or a box around its centre, in metres.
struct Shape {
  Place centre;
  bool circle = true;
  double radius = 0;
  double width = 0;
  double height = 0;

  // Whether the place is inside; tells its distance from the centre.
  bool contains(Place place, double& distance) const;
};

// The cells to search, in order: centre, north, south, east, west, then the corners. Useless ones have no steps.
std::array<Cell, 9> cells_around(const Shape& shape);
// The scores of a cell: from the first to, not including, the last.
struct ScoreSpan {
  uint64_t from, to;
};
ScoreSpan scores_of(Cell cell);

}  // namespace compozy::redis::geo
