J ÇGQBIª
B}IWA¸ÌATiœA%ðA§ò"B«¾B