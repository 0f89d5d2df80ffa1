//! Questions to a person, whose time does not count as time spent on stores.

use crate::domain::environment::EnvironmentName;
use crate::domain::key::Key;
use crate::domain::plan::Choice;
use crate::ports::{Asker, TimeBudget};
use std::rc::Rc;
use std::time::Instant;

/// Asks by another asker, and gives the time back that the answer took.
#[derive(Debug)]
pub struct Patient {
    asker: Rc<dyn Asker>,
    budget: Rc<TimeBudget>,
}

impl Patient {
    /// `asker`, at no cost to `budget`.
    #[must_use]
    pub fn new(asker: Rc<dyn Asker>, budget: Rc<TimeBudget>) -> Self {
        Self { asker, budget }
    }

    fn wait<T>(&self, ask: impl FnOnce(&dyn Asker) -> T) -> T {
        let asked = Instant::now();
        let answer = ask(self.asker.as_ref());
        self.budget.exclude(asked.elapsed());
        answer
    }
}

impl Asker for Patient {
    fn interactive(&self) -> bool {
        self.asker.interactive()
    }

    fn confirm(&self, question: &str) -> bool {
        self.wait(|asker| asker.confirm(question))
    }

    fn choose(&self, file: &str, environment: &EnvironmentName, key: &Key, sides: &str) -> Option<Choice> {
        self.wait(|asker| asker.choose(file, environment, key, sides))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::SystemClock;
    use crate::ports::block_on;
    use std::thread;
    use std::time::Duration;

    #[derive(Debug)]
    struct Slow;

    const THINKING: Duration = Duration::from_millis(300);

    impl Asker for Slow {
        fn interactive(&self) -> bool {
            true
        }

        fn confirm(&self, _: &str) -> bool {
            thread::sleep(THINKING);
            true
        }

        fn choose(&self, _: &str, _: &EnvironmentName, _: &Key, _: &str) -> Option<Choice> {
            thread::sleep(THINKING);
            None
        }
    }

    #[test]
    fn what_a_person_takes_to_answer_is_given_back() {
        let limit = Duration::from_secs(60);
        let budget = Rc::new(TimeBudget::new(Rc::new(SystemClock::new()), limit));
        block_on(budget.remaining());
        assert!(Patient::new(Rc::new(Slow), Rc::clone(&budget)).confirm("really?"));
        assert!(block_on(budget.remaining()) > limit - THINKING);
    }
}
