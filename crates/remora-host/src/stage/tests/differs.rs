//! Notices about a model reach the client.

use remora_model::{Model, Notices};

use super::*;

fn noted(count: usize) -> Asset {
    let mut notices = Notices::default();
    (0..count).for_each(|image| notices.add(format!("image {image} cannot be read")));
    let model = Model { name: "helmet".into(), materials: vec![Material::default()], notices, ..Model::default() };
    build_asset(&model, &BuildOptions::default(), &|_| {}, &|| false).expect("a good model")
}

#[test]
fn differences_from_the_file_are_in_the_reply_and_in_a_notice() {
    for (count, told) in [
        (0, None),
        (1, Some("helmet is shown otherwise than its file says: image 0 cannot be read")),
        (3, Some("helmet is shown otherwise than its file says: image 0 cannot be read (and 2 more remarks)")),
    ] {
        let mut world = World::connected(true);
        world.stage.loaded(world.now, CommandId(5), noted(count));
        world.work();
        let replies = world.replies();
        let Some((5, Outcome::ModelLoaded(loaded))) = replies.last() else { panic!("it is answered") };
        assert_eq!(loaded.notices.len(), count);
        let notice = world.messages().find_map(|message| match message {
            Message::Notice(notice) => Some((notice.code.as_str(), notice.text.as_str())),
            _ => None,
        });
        assert_eq!(notice, told.map(|text| ("ModelDiffers", text)));
    }
}
