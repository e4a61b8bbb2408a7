// Your own tests for chapter 19. What they must catch stands in the chapter's
// last step.

use crate::room::{End, Room};

#[test]
fn of_two_alexes_the_right_one_leaves() {
    // 1. Open a Room::new(1_000) and let two join: room.join(|| {}).
    // 2. Both share_name("alex"). The second leaves.
    // 3. Say something. Who hears it with try_hear, and who gets End::Left?
    todo!("your first test of a room")
}

#[test]
fn the_bound_is_a_number_and_not_a_feeling() {
    // 1. Open a Room::new(10), and let somebody join.
    // 2. Say ten bytes, in two pieces: it must hear them.
    // 3. Let another join, and say eleven, in two pieces: End::TooSlow.
    todo!("your first test of a bound")
}
