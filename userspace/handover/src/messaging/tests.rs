//! Every value of the standard, in both profiles.

use super::*;

#[test]
fn every_word_has_the_number_and_the_name_that_it_has_in_the_module() {
    macro_rules! same {
        ($($said:ty => $etsi:ty),+ $(,)?) => {$(
            let said: Vec<_> = <$said>::ALL.iter().map(|word| (word.number(), Some(word.name()))).collect();
            let etsi: Vec<_> = <$etsi>::NAMED.iter().map(|word| (word.value(), word.name())).collect();
            assert_eq!(said, etsi, stringify!($said));
        )+};
    }
    same! {
        MessageEvent => MessagingEvent,
        BoxEvent => MessagingBoxEvent,
        NotificationEvent => MessagingNotificationEvent,
        said::CallEvent => MessagingCallEvent,
        Status => MessagingStatus,
        said::Qualifier => MessagingPartyQualifier,
        said::Validity => MessagingPartyValidity,
        said::CopyQualifier => MessagingCopyQualifier,
        said::Trigger => MessagingTrigger,
        said::Priority => MessagingPriority,
        said::GreetingType => MessagingGreetingType,
        NotificationType => MessagingNotificationType,
        said::MessageStatus => MessagingMessageStatus,
        said::RequestedReports => MessagingRequestedReports,
    }
    for word in PayloadDirection::ALL {
        assert_eq!(direction(*word).name(), Some(word.name()));
    }
}

#[test]
fn numbers_are_written_as_map_and_isup_write_them() {
    let number = |text| Number::parse(text).unwrap();
    assert_eq!(&address_string(&number("+31612345678"))[..], [0x91, 0x13, 0x16, 0x32, 0x54, 0x76, 0xf8]);
    assert_eq!(address_string(&number("123456789012345")).len(), 9, "the longest fits");
    assert_eq!(&party_number(&number("+31612345678"))[..], [0x84, 0x13, 0x13, 0x16, 0x32, 0x54, 0x76, 0x08]);
    assert_eq!(&party_number(&number("12345678"))[..], [0x04, 0x13, 0x21, 0x43, 0x65, 0x87]);
    assert_eq!(tbcd("204080123456789"), [0x02, 0x04, 0x08, 0x21, 0x43, 0x65, 0x87, 0xf9]);
    assert_eq!(&imei("35145120840121")[..], [0x53, 0x41, 0x15, 0x02, 0x48, 0x10, 0x12, 0xff]);
}
