//! Deliveries a second over the number of clients, both on logarithmic axes.

use crate::Figures;
use crate::rooms::Kind;
use plotters::prelude::*;
use std::error::Error;
use std::path::Path;

const COLOURS: [RGBColor; 6] = [
    RGBColor(0x1b, 0x6c, 0xa8),
    RGBColor(0xd9, 0x7a, 0x1e),
    RGBColor(0x77, 0x77, 0x77),
    RGBColor(0x2e, 0x8b, 0x57),
    RGBColor(0xa8, 0x32, 0x4a),
    RGBColor(0x6a, 0x4c, 0x93),
];

pub fn draw(path: &Path, figures: &[Figures]) -> Result<(), Box<dyn Error>> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let least = |of: fn(&Figures) -> f64| figures.iter().map(of).fold(f64::MAX, f64::min);
    let most = |of: fn(&Figures) -> f64| figures.iter().map(of).fold(1.0, f64::max);
    let (rate, clients) = (
        |it: &Figures| it.deliveries,
        |it: &Figures| it.clients as f64,
    );
    let across = (least(clients) * 0.8..most(clients) * 1.25).log_scale();
    let up = (least(rate) / 4.0..most(rate) * 2.0).log_scale();

    let area = SVGBackend::new(path, (800, 480)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .margin(16)
        .caption("Deliveries a second, as members grow", ("sans-serif", 20))
        .x_label_area_size(48)
        .y_label_area_size(80)
        .build_cartesian_2d(across, up)?;
    chart
        .configure_mesh()
        .x_desc("clients, all in one room")
        .y_desc("deliveries a second")
        .x_label_formatter(&|clients| format!("{clients}"))
        .y_label_formatter(&|rate| match *rate {
            rate if rate >= 1e6 => format!("{} M", rate / 1e6),
            rate => format!("{} k", rate / 1e3),
        })
        .light_line_style(TRANSPARENT)
        .draw()?;
    let mut kinds: Vec<Kind> = figures.iter().map(|figures| figures.kind).collect();
    kinds.sort();
    kinds.dedup();
    for (kind, colour) in kinds.into_iter().zip(COLOURS) {
        let points: Vec<(f64, f64)> = (figures.iter())
            .filter(|figures| figures.kind == kind)
            .map(|figures| (figures.clients as f64, figures.deliveries))
            .collect();
        let line = colour.stroke_width(2);
        chart
            .draw_series(LineSeries::new(points.clone(), line))?
            .label(kind.name())
            .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 16, y)], line));
        let dot = |point| Circle::new(point, 4, colour.filled());
        chart.draw_series(points.into_iter().map(dot))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerLeft)
        .background_style(WHITE.mix(0.8))
        .draw()?;
    area.present()?;
    Ok(())
}
