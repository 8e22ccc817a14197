// SPDX-License-Identifier: Apache-2.0
#include "redis/keyspace/geo_cells.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace compozy::redis::geo {

namespace {

constexpr double kEarthRadius = 6372797.560856;
constexpr double kMercatorMax = 20037726.37;

double radians(double degrees) { return degrees * (std::numbers::pi / 180); }
double degrees(double radians) { return radians / (std::numbers::pi / 180); }

// Spreads the 32 bits of a number to the even places of 64.
uint64_t spread(uint32_t value) {
  uint64_t v = value;
  v = (v | (v << 16)) & 0x0000ffff0000ffffULL;
  v = (v | (v << 8)) & 0x00ff00ff00ff00ffULL;
  v = (v | (v << 4)) & 0x0f0f0f0f0f0f0f0fULL;
  v = (v | (v << 2)) & 0x3333333333333333ULL;
  return (v | (v << 1)) & 0x5555555555555555ULL;
}

uint32_t gather(uint64_t v) {
  v &= 0x5555555555555555ULL;
  v = (v | (v >> 1)) & 0x3333333333333333ULL;
  v = (v | (v >> 2)) & 0x0f0f0f0f0f0f0f0fULL;
  v = (v | (v >> 4)) & 0x00ff00ff00ff00ffULL;
  v = (v | (v >> 8)) & 0x0000ffff0000ffffULL;
  return static_cast<uint32_t>(v | (v >> 16));
}

// The neighbour so many cells to the east and to the north; the grid wraps at its edges.
Cell neighbour(Cell cell, int east, int north) {
  const auto mask = static_cast<uint32_t>((uint64_t{1} << cell.steps) - 1);
  const uint32_t x = (gather(cell.bits >> 1) + static_cast<uint32_t>(east)) & mask;
  const uint32_t y = (gather(cell.bits) + static_cast<uint32_t>(north)) & mask;
  return {(spread(x) << 1) | spread(y), cell.steps};
}

double meridian_distance(double latitude_a, double latitude_b) {
  return kEarthRadius * std::abs(radians(latitude_b) - radians(latitude_a));
}

int steps_for_radius(double radius, double latitude) {
  if (radius == 0) return kSteps;
  int steps = 1;
  while (radius < kMercatorMax) {
    radius *= 2;
    ++steps;
  }
  steps -= 2;  // A circle must fit into nine cells wherever its centre is in the middle one.
  // Cells are narrower towards the poles.
  if (std::abs(latitude) > 66) --steps;
  if (std::abs(latitude) > 80) --steps;
  return std::clamp(steps, 1, kSteps);
}

Bounds bounds_of(const Shape& shape) {
  const double height = shape.circle ? shape.radius : shape.height / 2;
  const double width = shape.circle ? shape.radius : shape.width / 2;
  const double latitude_span = degrees(height / kEarthRadius);
  // The side that is nearer to a pole spans more degrees.
  const double side = shape.centre.latitude < 0 ? -latitude_span : latitude_span;
  const double longitude_span = degrees(width / kEarthRadius / std::cos(radians(shape.centre.latitude + side)));
  return {shape.centre.longitude - longitude_span, shape.centre.latitude - latitude_span,
          shape.centre.longitude + longitude_span, shape.centre.latitude + latitude_span};
}

// Whether the ring of eight neighbours ends inside the wanted bounds, so that larger cells are needed.
bool is_too_fine(Cell cell, const Bounds& wanted) {
  return bounds_of(neighbour(cell, 0, 1)).north < wanted.north ||
         bounds_of(neighbour(cell, 0, -1)).south > wanted.south ||
         bounds_of(neighbour(cell, 1, 0)).east < wanted.east || bounds_of(neighbour(cell, -1, 0)).west > wanted.west;
}

}  // namespace

bool is_on_map(Place place) {
  return std::abs(place.longitude) <= kLongitudeMax && std::abs(place.latitude) <= kLatitudeMax;
}

Cell cell_of(Place place, int steps, double latitude_max) {
  const double scale = std::ldexp(1.0, steps);
  const double x = (place.longitude + kLongitudeMax) / (2 * kLongitudeMax) * scale;
  const double y = (place.latitude + latitude_max) / (2 * latitude_max) * scale;
  return {(spread(static_cast<uint32_t>(x)) << 1) | spread(static_cast<uint32_t>(y)), steps};
}

Bounds bounds_of(Cell cell) {
  const double scale = std::ldexp(1.0, cell.steps);
  const double x = gather(cell.bits >> 1);
  const double y = gather(cell.bits);
  return {-kLongitudeMax + x / scale * (2 * kLongitudeMax), -kLatitudeMax + y / scale * (2 * kLatitudeMax),
          -kLongitudeMax + (x + 1) / scale * (2 * kLongitudeMax), -kLatitudeMax + (y + 1) / scale * (2 * kLatitudeMax)};
}

uint64_t score_of(Place place) { return cell_of(place, kSteps).bits; }

Place place_of(double score) {
  const Bounds bounds = bounds_of(Cell{static_cast<uint64_t>(score), kSteps});
  return {std::clamp((bounds.west + bounds.east) / 2, -kLongitudeMax, kLongitudeMax),
          std::clamp((bounds.south + bounds.north) / 2, -kLatitudeMax, kLatitudeMax)};
}

std::string text_of(double score) {
  constexpr std::string_view kAlphabet = "0123456789bcdefghjkmnpqrstuvwxyz";
  constexpr double kStandardLatitudeMax = 90;
  const uint64_t bits = cell_of(place_of(score), kSteps, kStandardLatitudeMax).bits;
  std::string text;
  for (int shift = 47; shift > 0; shift -= 5) text += kAlphabet[(bits >> shift) & 31];
  text += kAlphabet[0];  // 52 bits are ten characters and a rest that nobody knows.
  return text;
}

double distance(Place a, Place b) {
  const double v = std::sin((radians(b.longitude) - radians(a.longitude)) / 2);
  if (v == 0) return meridian_distance(a.latitude, b.latitude);
  const double latitude_a = radians(a.latitude);
  const double latitude_b = radians(b.latitude);
  const double u = std::sin((latitude_b - latitude_a) / 2);
  return 2 * kEarthRadius * std::asin(std::sqrt(u * u + std::cos(latitude_a) * std::cos(latitude_b) * v * v));
}

bool Shape::contains(Place place, double& from_centre) const {
  if (circle) {
    from_centre = geo::distance(centre, place);
    return from_centre <= radius;
  }
  if (meridian_distance(place.latitude, centre.latitude) > height / 2) return false;
  if (geo::distance(place, {centre.longitude, place.latitude}) > width / 2) return false;
  from_centre = geo::distance(centre, place);
  return true;
}

std::array<Cell, 9> cells_around(const Shape& shape) {
  const double radius = shape.circle
                            ? shape.radius
                            : std::sqrt(shape.width / 2 * (shape.width / 2) + shape.height / 2 * (shape.height / 2));
  int steps = steps_for_radius(radius, shape.centre.latitude);
  Cell centre = cell_of(shape.centre, steps);
  const Bounds wanted = bounds_of(shape);
  if (steps > 1 && is_too_fine(centre, wanted)) centre = cell_of(shape.centre, --steps);
  constexpr std::array<std::array<int, 2>, 9> kMoves{
      {{0, 0}, {0, 1}, {0, -1}, {1, 0}, {-1, 0}, {1, 1}, {-1, 1}, {1, -1}, {-1, -1}}};
  const Bounds middle = bounds_of(centre);
  std::array<Cell, 9> cells;
  for (size_t i = 0; i < cells.size(); ++i) {
    const auto [east, north] = kMoves[i];
    // What the middle cell reaches beyond already needs no neighbour on that side.
    const bool useless =
        steps >= 2 && ((north < 0 && middle.south < wanted.south) || (north > 0 && middle.north > wanted.north) ||
                       (east < 0 && middle.west < wanted.west) || (east > 0 && middle.east > wanted.east));
    cells[i] = useless ? Cell{} : neighbour(centre, east, north);
  }
  return cells;
}

ScoreSpan scores_of(Cell cell) {
  const int shift = 2 * (kSteps - cell.steps);
  return {cell.bits << shift, (cell.bits + 1) << shift};
}

}  // namespace compozy::redis::geo
