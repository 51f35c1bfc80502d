import unittest

from gateway import Failure, normalize, number


class Gateway(unittest.TestCase):
    def test_a_line_makes_an_event_of_each_word(self):
        self.assertEqual(
            normalize("1772352900 M-7731 kWh=12.5 !LOW_BATTERY"),
            [
                ("reading", 1772352900, ["M-7731", "kWh", 12.5]),
                ("alarm", 1772352900, ["M-7731", "LOW_BATTERY"]),
            ],
        )

    def test_what_is_no_number_is_named(self):
        with self.assertRaisesRegex(Failure, "'much' is no number"):
            normalize("1772352900 M-7731 kWh=much")

    def test_numbers_are_exact(self):
        self.assertEqual(number("-0.5"), -0.5)
        for text in ["", "-", ".5", "5.", "1e3", "+1", "1234567890123456", "inf", "1_0"]:
            with self.assertRaises(Failure):
                number(text)


if __name__ == "__main__":
    unittest.main()
