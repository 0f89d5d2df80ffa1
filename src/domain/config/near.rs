//! Did-you-mean: the known name that a mistyped one is nearest to.

/// The candidate nearest to `typed`, where one is near enough: a third of its characters may be wrong, at least one.
#[must_use]
pub fn nearest<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = typed.to_lowercase();
    let allowed = (typed.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(&typed, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many characters must be added, removed, replaced or swapped with their neighbour (optimal string alignment).
fn distance(ours: &str, theirs: &str) -> usize {
    let (ours, theirs): (Vec<char>, Vec<char>) = (ours.chars().collect(), theirs.chars().collect());
    let mut rows = vec![(0..=theirs.len()).collect::<Vec<usize>>()];
    for (i, our) in ours.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, their) in theirs.iter().enumerate() {
            let replaced = rows[i][j] + usize::from(our != their);
            let mut best = replaced.min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *our == theirs[j - 1] && ours[i - 1] == *their {
                best = best.min(rows[i - 1][j - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[ours.len()][theirs.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_recognised_and_another_word_is_not() {
        let known = ["branches", "store", "path", "protected"];
        assert_eq!(nearest("branchs", known), Some("branches"));
        assert_eq!(nearest("sotre", known), Some("store"));
        assert_eq!(nearest("Protected", known), Some("protected"));
        assert_eq!(nearest("endpoint", known), None);
        assert_eq!(nearest("", known), None);
        assert_eq!(nearest("x", ["a"]), None);
    }
}
