//! What a cart costs. Pure: the same cart always gives the same totals.

use chrono::{DateTime, Utc};

use crate::money::split;

use super::Cart;

/// The sums of a cart, in minor units of its currency. `total` is the sum of the others, the discount taken off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totals {
    /// The goods before discount, tax and shipping.
    pub subtotal: i64,
    /// What the promotion takes off.
    pub discount: i64,
    /// Shipping.
    pub shipping: i64,
    /// Tax on the discounted goods and on shipping.
    pub tax: i64,
    /// What is to be paid.
    pub total: i64,
    /// In the order of the cart's lines.
    pub lines: Vec<LineTotals>,
}

/// The sums of one line, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineTotals {
    /// Unit price times quantity; zero for a line that cannot be bought.
    pub subtotal: i64,
    /// Its share of the discount.
    pub discount: i64,
    /// Its share of the tax.
    pub tax: i64,
}

impl Totals {
    pub(super) fn of(cart: &Cart, now: DateTime<Utc>) -> Self {
        let subtotals: Vec<i64> = cart
            .lines
            .iter()
            .map(|line| line.unit_price.unwrap_or(0).saturating_mul(line.quantity))
            .collect();
        let subtotal = subtotals.iter().fold(0_i64, |sum, part| sum.saturating_add(*part));
        let usable = cart.promotion.as_ref().filter(|promotion| promotion.check(now).is_ok());
        let discount = usable.map_or(0, |promotion| promotion.discount_on(subtotal));
        let goods = subtotal - discount;
        let shipping = match &cart.shipping_method {
            Some(method) if cart.requires_shipping() => method.price_for(goods),
            _ => 0,
        };

        let discounts = split(discount, &subtotals);
        let taxable: Vec<i64> = cart
            .lines
            .iter()
            .zip(subtotals.iter().zip(&discounts))
            .map(|(line, (subtotal, discount))| if line.taxable { subtotal - discount } else { 0 })
            .collect();
        let taxable_goods = taxable.iter().fold(0_i64, |sum, part| sum.saturating_add(*part));
        // Rounded once on the sum and then split, so that the lines add up to what is charged.
        let goods_tax = cart.tax_rate.on(taxable_goods);
        let shipping_tax = if taxable_goods > 0 { cart.tax_rate.on(shipping) } else { 0 };
        let taxes = split(goods_tax, &taxable);
        let tax = goods_tax + shipping_tax;

        let lines = subtotals
            .iter()
            .zip(discounts.iter().zip(&taxes))
            .map(|(&subtotal, (&discount, &tax))| LineTotals { subtotal, discount, tax })
            .collect();
        let total = goods.saturating_add(shipping).saturating_add(tax);
        Totals { subtotal, discount, shipping, tax, total, lines }
    }
}
