JZ*Ú­ƒ­GÄ]ÑÜžLÞC~ü³"Z·u
êRˆíÓK¯ºÉzÌÊUrkZR*Ì¢» 4ö j?C+zà~è»‡CEjBH3dÕ†~ep²]rébfO,åÖD